"""The rate of every step: gradual warm-up (Goyal et al. 2017, arXiv 1706.02677), then a decay.

All of it by samples that were seen, not by steps: so it is the same at every world size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ray_bench.config.lr_rules import rule_of
from ray_bench.config.schema import SweepConfig
from ray_bench.records import Point, known
from ray_bench.train.decays import Decay, decay_of

MAX_WARMUP_EPOCHS = 5.0
MAX_WARMUP_FRAC = 0.1


class Schedule(Protocol):
    """What sets the rates of every step."""

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rates of a step, from 0 and in order, and return the rate to record."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what a later step depends on beside its number."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """From steps to samples of all ranks; the last batch of an epoch may be smaller."""

    per_step: int
    per_epoch: int
    steps_per_epoch: int

    def before(self, step: int) -> int:
        """Return the samples that were seen before a step, which counts from 0."""
        epochs, steps = divmod(step, self.steps_per_epoch)
        return epochs * self.per_epoch + steps * self.per_step


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSchedule:
    """Climb to `peak_lr` in `warmup_samples`, then follow the decay to the end of the run.

    With n samples a step, the climb makes its first part in step 0, and is over where
    `warmup_samples` were seen.
    """

    base_lr: float  # what the optimizer was made with
    peak_lr: float
    samples: Samples
    total_samples: float
    decay: Decay
    warmup_samples: float = 0.0
    first_lr: float = 0.0  # where the climb starts

    def lr(self, step: int) -> float:
        """Return the learning rate of a step; steps count from 0."""
        return self.lr_at(self.samples.before(step), self.samples.per_step)

    def lr_at(self, seen: float, num_samples: float) -> float:
        """Return the learning rate of a step of so many samples, after those that were seen."""
        if seen < self.warmup_samples:
            share = (seen + num_samples) / (self.warmup_samples + num_samples)
            return self.first_lr + (self.peak_lr - self.first_lr) * share
        after = (seen - self.warmup_samples) / max(self.total_samples - self.warmup_samples, 1.0)
        run = seen / max(self.total_samples, 1.0)
        return self.peak_lr * self.decay(min(run, 1.0), min(after, 1.0))

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rate of a step and return it."""
        return set_rates(optimizer, self.lr(step), self.base_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: a rate depends on the step alone."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """There is nothing to go on from."""
        assert not state, "a rate depends on the step alone"


def set_rates(optimizer: torch.optim.Optimizer, lr: float, base_lr: float) -> float:
    """Set the rate and return it; groups with rates of their own keep their ratio to `base_lr`."""
    for group in optimizer.param_groups:
        own_lr = group.setdefault("initial_lr", group["lr"])
        group["lr"] = lr if own_lr == base_lr else own_lr * lr / base_lr
    return lr


def samples_of(point: Point, *, steps_per_epoch: int, samples_per_epoch: int | None) -> Samples:
    """Return how many samples a run has seen by its steps; None: all batches are whole."""
    batch = known(point.global_batch_size)
    return Samples(
        per_step=batch,
        per_epoch=samples_per_epoch or steps_per_epoch * batch,
        steps_per_epoch=steps_per_epoch,
    )


def make_schedule(
    point: Point,
    config: SweepConfig,
    *,
    steps_per_epoch: int,
    total_steps: int,
    samples_per_epoch: int | None = None,
) -> SampleSchedule:
    """Return the schedule of a run.

    Where the configuration is silent the warm-up takes five epochs, as in the paper, or a tenth of
    the run where that is shorter. The rule legw lengthens it by the growth of the batch.

    Args:
        point: The run.
        config: Says the shape.
        steps_per_epoch: Of the run.
        total_steps: Of the run.
        samples_per_epoch: Of all ranks; None: the batches do not tell, and all are whole.
    """
    samples = samples_of(
        point, steps_per_epoch=steps_per_epoch, samples_per_epoch=samples_per_epoch
    )
    total = samples.before(total_steps)
    return SampleSchedule(
        base_lr=known(point.base_lr),
        peak_lr=known(point.lr),
        samples=samples,
        total_samples=total,
        decay=decay_of(config.schedule),
        warmup_samples=_warmup_samples(point, config, samples, total),
        first_lr=0.0 if _starts_at_zero(point, config) else known(point.base_lr),
    )


def _warmup_samples(point: Point, config: SweepConfig, samples: Samples, total: int) -> float:
    rule, epochs = rule_of(known(point.lr_rule)), config.optimizer.warmup_epochs
    if config.schedule.name == "one-cycle" or rule.is_adaptive:
        return 0.0  # they climb by themselves
    if epochs is None:
        asked = min(MAX_WARMUP_EPOCHS * samples.per_epoch, MAX_WARMUP_FRAC * total)
    else:
        asked = epochs * samples.per_epoch
    return min(asked * rule.warmup_factor(config.growth(point.world_size)), float(total))


def _starts_at_zero(point: Point, config: SweepConfig) -> bool:
    asked = config.optimizer.warmup_from
    if asked is not None:
        return asked == "zero"
    return rule_of(known(point.lr_rule)).starts_at_zero or config.optimizer.name not in (
        None,
        "sgd",
    )
