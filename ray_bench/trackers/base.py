"""The protocol of a tracker."""

from __future__ import annotations

from typing import Protocol

from ray_bench.trackers.entry import Entry


class Tracker(Protocol):
    """Somewhere a run can be looked at beside others.

    Each method may raise anything: `Tracking` turns it into a warning.
    """

    name: str  # as people write it
    place: str  # where to look

    def open(self) -> None:
        """Reach the tracker, before the first run; called again where it failed."""
        ...

    def log(self, entry: Entry) -> None:
        """Write one run, whole. The same entry may come again after a failure."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...
