"""Whether a launch waits for places on the cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import final

import ray

from ray_bench.launch.requests import Launch
from ray_bench.launch.words import RankWords

#: Where there are places, workers come sooner, and nobody need be asked.
_FIRST_S = 3.0
_EVERY_S = 2.0


@final
class PlacesWatch:
    """Speaks for launches whose ranks have not said anything yet.

    Args:
        tell: Told that such a launch waits, or that it does not wait any more.
        clock_s: Seconds that only grow.
    """

    def __init__(
        self,
        tell: Callable[[RankWords], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock_s = clock_s
        self._next_s: dict[str, float] = {}  # when to look, by launch
        self._launches: dict[str, Launch] = {}

    def started(self, launch: Launch) -> None:
        """A launch is handed to the cluster."""
        self._launches[launch.launch_id] = launch
        self._next_s[launch.launch_id] = self._clock_s() + _FIRST_S

    def heard_of(self, launch_id: str) -> None:
        """Its workers are there, or it is over."""
        self._launches.pop(launch_id, None)
        self._next_s.pop(launch_id, None)

    def look(self) -> None:
        """Ask the cluster, if it is time to."""
        now_s = self._clock_s()
        due = [key for key, at_s in self._next_s.items() if now_s >= at_s]
        if not due:
            return
        waiting = _sizes_of_waiting_groups()
        for launch_id in due:
            self._next_s[launch_id] = now_s + _EVERY_S
            workers = self._launches[launch_id].work.world_size
            waits = workers in waiting
            self._tell(
                RankWords(
                    launch_id=launch_id,
                    rank=None,
                    phase="waiting for places" if waits else "starting",
                    detail=f"{workers} workers" if waits else None,
                )
            )


def _sizes_of_waiting_groups() -> Sequence[int]:
    """Return how many bundles each placement group has that the cluster cannot place yet."""
    groups = ray.util.placement_group_table().values()
    return [len(group["bundles"]) for group in groups if group["state"] == "PENDING"]
