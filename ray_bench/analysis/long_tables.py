"""The long tables of a sweep by run, each split when it is asked for first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import final

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.parity.history import Histories, histories_of
from ray_bench.records import Results

Tables = Mapping[str, Mapping[str, np.ndarray]]


@final
class LongTables:
    """Rows of one run are together; all groups of a sweep share them."""

    def __init__(self, results: Results) -> None:
        self._results = results

    @cached_property
    def blocks(self) -> Tables:
        """Timed blocks."""
        return split_by_run(self._results.blocks)

    @cached_property
    def phases(self) -> Tables:
        """Sampled steps, by phase."""
        return split_by_run(self._results.phases)

    @cached_property
    def epochs(self) -> Tables:
        """Losses and accuracies."""
        return split_by_run(self._results.epochs)

    @cached_property
    def histories(self) -> Histories:
        """Evaluations."""
        return histories_of(self._results)

    @cached_property
    def buckets(self) -> Tables:
        """Gradient buckets of sampled steps."""
        return split_by_run(self._results.buckets)

    @cached_property
    def pairs(self) -> Tables:
        """Steps with and without synchronisation."""
        return split_by_run(self._results.sync_pairs)
