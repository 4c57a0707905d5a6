"""Where workers leave finished runs while their trial goes on."""

from __future__ import annotations

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_bench.records import RunData


def open_inbox() -> Any:
    """Return the handle of an inbox on the driver's node, which lives as long as the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _Inbox.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]


@ray.remote(num_cpus=0)
class _Inbox:
    """Holds finished runs until the driver takes them; a killed trial does not lose them."""

    def __init__(self) -> None:
        self._runs: list[RunData] = []

    def put(self, runs: list[RunData]) -> None:
        """Called by workers."""
        self._runs += runs

    def take(self) -> list[RunData]:
        """Called by the driver; what it gets is no longer here."""
        taken, self._runs = self._runs, []
        return taken
