"""Made-up Results, written to a store as a sweep would have left them."""

from __future__ import annotations

from typing import Any

from ray_bench.analysis.columns import split_by_run
from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    EpochRecord,
    EvaluationRecord,
    PhaseRecord,
    Results,
    RunData,
    SyncPairRecord,
)
from ray_bench.store import ResultsStore

RECORDS = {
    "epochs": EpochRecord,
    "blocks": BlockRecord,
    "phases": PhaseRecord,
    "buckets": BucketRecord,
    "sync_pairs": SyncPairRecord,
    "evaluations": EvaluationRecord,
}
#: What `synthetic` leaves out because no analysis needs it.
FILLED: dict[str, dict[str, Any]] = {
    "epochs": {"num_steps": 391, "lr": 0.1},
    "blocks": {"epoch": 1, "start_s": 0.0},
}


def write_results(store: ResultsStore, results: Results) -> ResultsStore:
    """Write a sweep with all its runs; returns the store."""
    store.write_sweep(results.sweep)
    tables = {name: split_by_run(getattr(results, name)) for name in RECORDS}
    for run in results.runs:
        rows = {name: records(name, run.run_id, tables[name]) for name in RECORDS}
        host = results.environments.get(run.environment_hash or "")
        failures = tuple(x for x in results.failures if x.run_id == run.run_id)
        store.write_run(RunData(run=run, environment=host, failures=failures, **rows))
    if results.stop is not None:
        store.write_stop(results.stop)
    return store


def records(name: str, run_id: str, tables: dict[str, dict[str, Any]]) -> tuple[Any, ...]:
    """Return a run's rows of a long table as records."""
    columns = {key: values.tolist() for key, values in tables.get(run_id, {}).items()}
    count = len(next(iter(columns.values()), ()))
    given = {key: FILLED[name][key] for key in FILLED.get(name, {}) if key not in columns}
    return tuple(
        RECORDS[name](run_id=run_id, **given, **{key: x[i] for key, x in columns.items()})
        for i in range(count)
    )
