"""Analysed sweeps and their reports, the newest asked for kept in memory."""

from __future__ import annotations

from typing import final

from ray_bench.store import ResultsStore


@final
class Studies:
    """Reports of sweeps by what was asked of them."""

    def __init__(self, store: ResultsStore) -> None:
        self._store = store
