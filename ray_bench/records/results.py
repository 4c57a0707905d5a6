"""Records together: of one run as they are written, of one sweep as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ray_bench.records.environment import EnvironmentRecord
from ray_bench.records.epoch import EpochRecord, EvaluationRecord
from ray_bench.records.failure import FailureRecord
from ray_bench.records.run import RunRecord
from ray_bench.records.steps import BlockRecord, BucketRecord, PhaseRecord, SyncPairRecord
from ray_bench.records.sweep import StopRecord, SweepRecord

#: Columns of a long table by name; all arrays have shape (num_rows,).
Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """Everything that one run leaves behind; what the store writes in one go."""

    run: RunRecord
    epochs: tuple[EpochRecord, ...] = ()
    blocks: tuple[BlockRecord, ...] = ()
    phases: tuple[PhaseRecord, ...] = ()
    buckets: tuple[BucketRecord, ...] = ()
    sync_pairs: tuple[SyncPairRecord, ...] = ()
    evaluations: tuple[EvaluationRecord, ...] = ()
    failures: tuple[FailureRecord, ...] = ()
    traces: Mapping[int, bytes] = field(default_factory=dict)  # by rank: Chrome trace, gzip, JSON
    outputs: Mapping[int, bytes] = field(default_factory=dict)  # by rank: what a script wrote
    environment: EnvironmentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One sweep as it is read back. Long tables are columns, named as the record's fields."""

    sweep: SweepRecord
    runs: tuple[RunRecord, ...]
    epochs: Columns = field(default_factory=dict)
    blocks: Columns = field(default_factory=dict)
    phases: Columns = field(default_factory=dict)
    buckets: Columns = field(default_factory=dict)
    sync_pairs: Columns = field(default_factory=dict)
    evaluations: Columns = field(default_factory=dict)
    failures: tuple[FailureRecord, ...] = ()  # of the runs above, and of their extras
    environments: Mapping[str, EnvironmentRecord] = field(default_factory=dict)  # by hash
    network: Columns = field(default_factory=dict)  # empty without an all-reduce sweep
    stop: StopRecord | None = None  # None without a stop rule, or before it has stopped

    @property
    def ok_runs(self) -> tuple[RunRecord, ...]:
        """Runs that finished."""
        return tuple(run for run in self.runs if run.is_finished)

    @property
    def failed_runs(self) -> tuple[RunRecord, ...]:
        """Runs that did not finish, whatever their status, each with its cause."""
        return tuple(run for run in self.runs if not run.is_finished)

    @property
    def missing_run_ids(self) -> tuple[str, ...]:
        """Planned runs that have left no record at all."""
        present = {run.run_id for run in self.runs}
        return tuple(run_id for run_id in self.sweep.run_ids if run_id not in present)
