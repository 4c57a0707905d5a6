"""What a loop returns, with Rays whose trainers do not hand it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import ray
from ray import train

from ray_bench.launch.tuned.plain import PlainTrainer

Loop = Callable[[dict[str, Any]], Any]


@final
class ReturningTrainer(PlainTrainer):
    """Ray's plain trainer, whose result has the `return_value` of rank 0."""

    def __init__(self, loop: Loop, **asked: Any) -> None:
        self._value = _Value.remote()  # type: ignore[attr-defined]
        super().__init__(_delivering(loop, self._value), **asked)

    def fit(self) -> Any:
        """Train; what is raised is Ray's."""
        result: Any = super().fit()
        result.return_value = ray.get(self._value.get.remote())
        return result


def _delivering(loop: Loop, value: Any) -> Loop:
    def deliver(config: dict[str, Any]) -> None:
        returned = loop(config)
        if train.get_context().get_world_rank() == 0:
            ray.get(value.set.remote(returned))

    return deliver


@ray.remote(num_cpus=0)
class _Value:
    """Holds what rank 0 returned until the trial takes it."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, value: Any) -> None:
        """Called by rank 0."""
        self._value = value

    def get(self) -> Any:
        """Called by the trial."""
        return self._value
