"""Where workers leave finished runs while their trial goes on."""

from __future__ import annotations

import ray

from ray_bench.records import RunData


@ray.remote(num_cpus=0)
class Inbox:
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
