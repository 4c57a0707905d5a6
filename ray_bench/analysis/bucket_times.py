"""How long the all-reduce of each gradient bucket took, without waiting for ranks or other buckets.

    service(k) = max over ranks of end(k) - max(max over ranks of start(k), end(k - 1))

A bucket can only be reduced when all ranks have it, and a link carries one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ray_bench.records import Columns, EnvironmentRecord, RunRecord

Tables = Mapping[str, Mapping[str, np.ndarray]]


def bucket_times(
    runs: Sequence[RunRecord], buckets: Tables, environments: Mapping[str, EnvironmentRecord]
) -> Columns:
    """Return the buckets of runs as the columns of a network sweep, one row a step and bucket.

    Args:
        runs: Of one group of comparable runs.
        buckets: Bucket records by run.
        environments: By hash; they say over how many nodes a run went.
    """
    parts = [
        _rows(run, buckets[run.run_id], environments.get(run.environment_hash or ""))
        for run in runs
        if run.run_id in buckets
    ]
    names = ("world_size", "num_nodes", "backend", "device", "num_bytes", "duration_s")
    return {
        name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0)
        for name in names
    }


def service_s(table: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (seconds, bytes) of every step's buckets of one run, shape (num_steps * num_buckets,).

    Args:
        table: Bucket records of all its ranks.
    """
    _, step = np.unique(table["step"], return_inverse=True)
    bucket = table["bucket"].astype(np.int64)
    shape = (int(step.max()) + 1, int(bucket.max()) + 1)
    start, end = np.full(shape, -np.inf), np.full(shape, -np.inf)
    np.maximum.at(start, (step, bucket), table["start_s"])
    np.maximum.at(end, (step, bucket), table["end_s"])
    sizes = np.zeros(shape)
    sizes[step, bucket] = table["num_bytes"]
    before = np.concatenate([np.full((shape[0], 1), -np.inf), end[:, :-1]], axis=1)
    seconds = end - np.maximum(start, before)
    return seconds.ravel(), sizes.ravel()


def _rows(
    run: RunRecord, table: Mapping[str, np.ndarray], environment: EnvironmentRecord | None
) -> dict[str, np.ndarray]:
    seconds, sizes = service_s(table)
    seen = np.isfinite(seconds) & (seconds > 0)
    count = int(seen.sum())
    return {
        "world_size": np.full(count, run.point.world_size),
        "num_nodes": np.full(count, environment.num_nodes if environment else 1),
        "backend": np.full(count, run.backend or "unknown", dtype=object),
        "device": np.full(count, run.device or "unknown", dtype=object),
        "num_bytes": sizes[seen].astype(np.int64),
        "duration_s": seconds[seen],
    }
