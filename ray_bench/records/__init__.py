"""What was measured: frozen records with the unit in every name. No I/O.

Both wings of the house meet here: `launch` and `train` make these records, `store` keeps them, and
`analysis` reads them. An unknown is None, never 0. Fractions (`_frac`) are between 0 and 1.
"""

from __future__ import annotations

from ray_bench.records.environment import EnvironmentRecord
from ray_bench.records.epoch import EpochRecord, EvaluationRecord
from ray_bench.records.failure import MAX_TRACEBACK_CHARS, FailureRecord, kept_traceback
from ray_bench.records.flags import FLAGS, extra_flag
from ray_bench.records.known import known
from ray_bench.records.network import NetworkRecord
from ray_bench.records.point import Place, Point, Training
from ray_bench.records.results import Columns, Results, RunData
from ray_bench.records.run import RunRecord, flat_run, record_from_dict
from ray_bench.records.steps import PHASES, BlockRecord, BucketRecord, PhaseRecord, SyncPairRecord
from ray_bench.records.sweep import PlannedRun, StopRecord, SweepRecord
from ray_bench.records.words import (
    BatchNorm,
    CompileMode,
    Compression,
    Launched,
    LrRule,
    MemoryFormat,
    Part,
    Precision,
    Scaling,
    Source,
    Status,
    Strategy,
    Trainer,
)

__all__ = [
    "FLAGS",
    "MAX_TRACEBACK_CHARS",
    "PHASES",
    "BatchNorm",
    "BlockRecord",
    "BucketRecord",
    "Columns",
    "CompileMode",
    "Compression",
    "EnvironmentRecord",
    "EpochRecord",
    "EvaluationRecord",
    "FailureRecord",
    "Launched",
    "LrRule",
    "MemoryFormat",
    "NetworkRecord",
    "Part",
    "PhaseRecord",
    "Place",
    "PlannedRun",
    "Point",
    "Precision",
    "Results",
    "RunData",
    "RunRecord",
    "Scaling",
    "Source",
    "Status",
    "StopRecord",
    "Strategy",
    "SweepRecord",
    "SyncPairRecord",
    "Trainer",
    "Training",
    "extra_flag",
    "flat_run",
    "kept_traceback",
    "known",
    "record_from_dict",
]
