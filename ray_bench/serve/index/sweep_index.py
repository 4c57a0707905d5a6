"""The index of sweeps in memory."""

from __future__ import annotations

from typing import final

from ray_bench.store import ResultsStore
from ray_bench.store.summary import SweepSummary


@final
class SweepIndex:
    """Summaries of all sweeps; asked for again where the store has changed."""

    def __init__(self, store: ResultsStore) -> None:
        self._store = store

    def summaries(self) -> tuple[SweepSummary, ...]:
        """Return all sweeps, newest first."""
        return self._store.summaries()

    def row(self, sweep_id: str) -> SweepSummary | None:
        """Return one sweep by its exact id; None where there is none."""
        return next((x for x in self.summaries() if x.sweep_id == sweep_id), None)

    def version(self, sweep_id: str) -> str:
        """Return what changes when anything of a sweep changes."""
        return repr(self.row(sweep_id))
