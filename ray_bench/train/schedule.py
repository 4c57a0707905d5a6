"""Gradual warm-up of the learning rate (Goyal et al. 2017, arXiv 1706.02677, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from ray_bench.config.schema import SweepConfig
from ray_bench.records import Point, known

MAX_WARMUP_EPOCHS = 5.0
MAX_WARMUP_FRAC = 0.1


class Schedule(Protocol):
    """What sets the rates of every step."""

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rates of a step, from 0 and in order, and return the rate to record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmupSchedule:
    """Climb linearly from `base_lr` to `peak_lr` in `warmup_steps`, then stay."""

    base_lr: float
    peak_lr: float
    warmup_steps: int

    def lr(self, step: int) -> float:
        """Return the learning rate of a step; steps count from 0."""
        if step >= self.warmup_steps:
            return self.peak_lr
        return self.base_lr + (self.peak_lr - self.base_lr) * (step + 1) / (self.warmup_steps + 1)

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rate of a step and return it.

        Parameter groups that were given rates of their own keep their ratio to `base_lr`.
        """
        lr = self.lr(step)
        for group in optimizer.param_groups:
            own_lr = group.setdefault("initial_lr", group["lr"])
            group["lr"] = lr if own_lr == self.base_lr else own_lr * lr / self.base_lr
        return lr


def make_schedule(
    point: Point, config: SweepConfig, *, steps_per_epoch: int, total_steps: int
) -> WarmupSchedule:
    """Return the schedule of a run.

    Where the configuration is silent the warm-up takes five epochs, as in the paper, or a tenth of
    the run where that is shorter.
    """
    epochs = config.optimizer.warmup_epochs
    steps = (
        min(MAX_WARMUP_EPOCHS * steps_per_epoch, MAX_WARMUP_FRAC * total_steps)
        if epochs is None
        else epochs * steps_per_epoch
    )
    return WarmupSchedule(
        base_lr=known(point.base_lr), peak_lr=known(point.lr), warmup_steps=round(steps)
    )
