"""A workload's own learning-rate schedule, scaled by the sweep's rule."""

from __future__ import annotations

import copy
import itertools
import math
import warnings
from typing import Any, final

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from ray_bench.config.lr_rules import rule_of
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.records import Point, known
from ray_bench.workloads.base import BuildContext

#: A peak that is off by less is the rule's.
_TOLERANCE_FRAC = 0.01
#: Of a longer training the first steps show the peak.
_MOST_STEPS = 10_000


@final
class OwnSchedule:
    """Step a scheduler once an optimizer step; after the last one of the training the rate stays.

    Args:
        scheduler: As the workload made it.
        num_steps: Of the whole training.
    """

    def __init__(self, scheduler: LRScheduler, num_steps: int) -> None:
        self._scheduler = scheduler
        self._num_steps = num_steps

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rates of a step, of which each comes once, and return the first group's."""
        if 0 < step < self._num_steps:
            self._scheduler.step()
        return float(optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Return the scheduler's state."""
        return dict(self._scheduler.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the scheduler go on from a state."""
        self._scheduler.load_state_dict(state)


def own_schedule(
    workload: Any,
    optimizer: torch.optim.Optimizer,
    context: BuildContext,
    point: Point,
    config: SweepConfig,
) -> OwnSchedule | None:
    """Return the workload's own schedule, None where it has none.

    Every parameter group's rate is multiplied by the rule's factor before the scheduler is made, so
    that a schedule that follows these rates follows the rule.

    Raises:
        TrainingError: It is no scheduler that is stepped once a step; the rule asks for a factor
            and its highest rates do not follow it; or a warm-up is configured too.
    """
    if getattr(workload, "lr_scheduler", None) is None:
        return None
    if config.optimizer.warmup_epochs is not None:
        raise TrainingError(
            "The workload has an lr_scheduler of its own, which no other warm-up precedes; leave "
            "out optimizer.warmup_epochs, or let the lr_scheduler warm up."
        )
    if config.schedule.name not in (None, "constant") or rule_of(known(point.lr_rule)).is_adaptive:
        what = "schedule.name" if config.schedule.name not in (None, "constant") else "lr_rules"
        raise TrainingError(
            f"The workload has an lr_scheduler of its own, which the {what} of the configuration "
            "cannot replace; leave one of the two out."
        )
    assert context.num_steps is not None, "the length is known before the schedule is made"
    factor = known(point.lr) / known(point.base_lr)
    if not math.isclose(factor, 1.0):
        _check_factor(workload, optimizer, context, point, factor)
    _scale(optimizer, factor)
    return OwnSchedule(_made(workload, optimizer, context), context.num_steps)


def _check_factor(
    workload: Any,
    optimizer: torch.optim.Optimizer,
    context: BuildContext,
    point: Point,
    factor: float,
) -> None:
    base, scaled = (_peaks(workload, _shadow(optimizer, by), context) for by in (1.0, factor))
    for before, after in zip(base, scaled, strict=True):
        if abs(after - factor * before) > _TOLERANCE_FRAC * factor * before:
            raise TrainingError(
                f"The learning-rate rule {point.lr_rule} asks for rates x {factor:g}, and the "
                f"highest rate of the workload's lr_scheduler is {after:g} instead of "
                f"{factor * before:g}: it does not follow the rates of the optimizer that it is "
                "given. Compute its rates from optimizer.param_groups[i]['lr'], or take "
                "lr_rules=none."
            )


def _peaks(workload: Any, optimizer: torch.optim.Optimizer, context: BuildContext) -> list[float]:
    """Return the highest rate of every parameter group; the optimizer makes no step."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
        scheduler = _made(workload, optimizer, context)
        peaks = [float(group["lr"]) for group in optimizer.param_groups]
        for _ in itertools.repeat(None, min(context.num_steps or 1, _MOST_STEPS) - 1):
            scheduler.step()
            rates = (float(group["lr"]) for group in optimizer.param_groups)
            peaks = list(map(max, peaks, rates))
    return peaks


def _shadow(optimizer: torch.optim.Optimizer, factor: float) -> torch.optim.Optimizer:
    """Return an optimizer with the same weights, whose rates can be changed without effect."""
    shadow = copy.copy(optimizer)
    shadow.param_groups = [dict(group) for group in optimizer.param_groups]
    _scale(shadow, factor)
    return shadow


def _scale(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * factor


def _made(workload: Any, optimizer: torch.optim.Optimizer, context: BuildContext) -> LRScheduler:
    scheduler = workload.lr_scheduler(optimizer, context)
    if isinstance(scheduler, LRScheduler) and not isinstance(scheduler, ReduceLROnPlateau):
        return scheduler
    raise TrainingError(
        "The workload's `lr_scheduler` must return a torch.optim.lr_scheduler.LRScheduler that is "
        f"stepped once an optimizer step, without a metric, got {type(scheduler).__name__}."
    )
