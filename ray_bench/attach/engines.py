"""DeepSpeed, whose engine makes several updates of one optimizer in a step, or one of its own kind.

Where it is there, a step is what its engine calls one (`global_steps`), at the boundary of
accumulation. Its pipelines make their steps elsewhere and are not followed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch

from ray_bench.attach.wrapping import wrap
from ray_bench.records import Strategy

_MODULE = "deepspeed.runtime.engine"
_STAGES: tuple[Strategy, ...] = ("deepspeed", "zero1", "zero2", "zero3")


class Follower(Protocol):
    """Told of an engine's steps, in place of the updates of optimizers that they are made of."""

    def engine_begins(self) -> None:
        """An engine may make a step: what optimizers do meanwhile is a part of it."""
        ...

    def engine_ended(self, engine: Any, *, is_step: bool, was_skipped: bool) -> None:
        """It is over."""
        ...


def engine_class() -> Any:
    """Return DeepSpeed's class of engines; None where the script does not use DeepSpeed."""
    return getattr(sys.modules.get(_MODULE), "DeepSpeedEngine", None)


def follow(engines: Any, follower: Follower) -> Callable[[], None]:
    """Let a session hear of the steps of all engines of a class; return what ends that."""

    def around(original: Callable[..., Any]) -> Any:
        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            steps, skipped = self.global_steps, self.skipped_steps
            follower.engine_begins()
            is_step = was_skipped = False
            try:
                result = original(self, *args, **kwargs)
                is_step, was_skipped = self.global_steps > steps, self.skipped_steps > skipped
            finally:
                follower.engine_ended(self, is_step=is_step, was_skipped=was_skipped)
            return result

        return step

    return wrap(engines, "step", around)


def engine_in(modules: Iterable[Any]) -> Any:
    """Return the first engine among modules; None without one."""
    kind = engine_class()
    return None if kind is None else next((x for x in modules if issubclass(type(x), kind)), None)


def strategy_of(engine: Any) -> Strategy:
    """Return the strategy, by the stage of ZeRO."""
    stage = int(engine.zero_optimization_stage())
    return _STAGES[stage] if stage < len(_STAGES) else "unknown"


def parameters_of(engine: Any) -> list[torch.Tensor]:
    """Return the model's parameters, of which its optimizer has copies, or parts."""
    return [x for x in engine.module.parameters() if x.requires_grad]


def num_elements(parameter: Any) -> int:
    """Return the elements of a parameter, of which ZeRO's third stage keeps a part here."""
    return int(getattr(parameter, "ds_numel", parameter.numel()))
