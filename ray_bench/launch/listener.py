"""Who wants to know what happens on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ray_bench.launch.words import RankWords
from ray_bench.records import NetworkRecord, PlannedRun, RunData


class SweepListener(Protocol):
    """Who wants to know what happens, in the process that called `run_sweep`."""

    def joined(self) -> None:
        """Called when the cluster is joined and can place every run, before anything runs."""
        ...

    def run_started(self, planned: PlannedRun) -> None:
        """Called when a run is handed to the cluster."""
        ...

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """Called about once a second by every rank of a run that is going on."""
        ...

    def run_finished(self, data: RunData) -> None:
        """Called when a run has ended, failed or not."""
        ...

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Called before the first run, when all-reduce was asked for and measured."""
        ...

    def network_failed(self, reason: str) -> None:
        """Called instead when it could not be measured; the sweep goes on without it."""
        ...

    def note(self, text: str) -> None:
        """Called with a sentence for the user."""
        ...

    def stopping(self) -> None:
        """Called when a signal asks the sweep to end, which takes some seconds."""
        ...

    def head_lost(self, reason: str) -> None:
        """Called from another thread, last of all, when the cluster's head is gone for good."""
        ...
