"""The protocol of a tracker."""

from __future__ import annotations

from typing import Protocol

from ray_bench.trackers.entry import Entry


class Tracker(Protocol):
    """Somewhere a run can be looked at beside others.

    Each method may raise anything, or not come back: `Tracking` turns it into a warning. All are
    called in one thread, which is not the main one.
    """

    name: str  # as people write it
    key: str  # in the group `trackers` of the configuration
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
