"""Runs: what became of each, and what to do where it did not end well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.disturbances import Disturbance
from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.causes import EXTRAS, remedy_of
from ray_bench.records import FLAGS, FailureRecord, Results, RunRecord
from ray_bench.report.cells import Section, Table
from ray_bench.report.failure_words import cause, ended, origins, remedy, what_failed
from ray_bench.report.fields import Field, rows_table
from ray_bench.report.sections.faults import Money, fault_tables

_CLOCK_REMEDY = (
    "Look for a virtual machine that was paused or whose clock was set, then measure anew with "
    "`ray-bench run`."
)
_STALLED_REMEDY = (
    "Look for a process or a virtual machine that was paused; `ray-bench run --resume` makes the "
    "run again."
)
INVALID_REMEDIES = {
    "clock_mismatch": _CLOCK_REMEDY,
    "clock_backwards": _CLOCK_REMEDY,
    "stalled": _STALLED_REMEDY,
    "samples_unknown": "Say it in the script: ray_bench.step(num_samples=...) after each step.",
    "ranks_apart": "Let the script average its gradients at more than 1 rank, with "
    "DistributedDataParallel or FSDP; `ray-bench doctor -- train.py` says what it finds.",
    "placement_differs": "Look for other jobs on the nodes, or set placements=2x2 or the like, "
    "then use `ray-bench run --resume`.",
}


def section(results: Results, lost: Sequence[Disturbance], money: Money) -> Section:
    """Return every run with its outcome, and what faults cost.

    Args:
        results: The sweep.
        lost: Attempts that came to nothing.
        money: Price of a worker-hour and its currency.
    """
    tables = (_runs(results), *fault_tables(lost, money))
    return Section("record", "Runs", (_about(results),), tables)


def says(results: Results) -> str:
    """Return how many runs finished, failed and are missing."""
    invalid = sum(bool(set(run.flags) & set(INVALID_FLAGS)) for run in results.ok_runs)
    counts = (
        (len(results.ok_runs) - invalid, "finished"),
        *((count, words) for words, count in ended(results.failed_runs).items()),
        (invalid, "invalid"),
        (len(results.missing_run_ids), "missing"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "no runs"


def _about(results: Results) -> str:
    sweep = results.sweep
    created = sweep.created_at_utc.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"Sweep {sweep.sweep_id}, created {created} with ray_bench {sweep.ray_bench_version}, "
        f"{len(sweep.run_ids)} runs planned."
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a run; one that is missing has no record."""

    run_id: str
    run: RunRecord | None
    state: str
    cause: str | None = None
    remedy: str | None = None
    rank: int | None = None

    @property
    def order(self) -> int | None:
        """Its place in the order of starts."""
        return None if self.run is None else self.run.order_index

    @property
    def world_size(self) -> int | None:
        """Its ranks."""
        return None if self.run is None else self.run.point.world_size


def _runs(results: Results) -> Table:
    runs = sorted(results.runs, key=lambda run: (run.order_index, run.attempt))
    extras = _extras(results)
    found = [_outcome(run, extras.get(run.run_id, [])) for run in runs]
    found += [_Outcome(x, None, "missing", None, _MISSING) for x in results.missing_run_ids]
    fields: tuple[Field[_Outcome], ...] = (
        Field("run_id", "Run", None, None, lambda x: x.run_id),
        Field("order", "Order", "count", None, lambda x: x.order),
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("state", "State", None, None, lambda x: x.state),
        Field(
            "throughput", "Samples/s", "samples/s", "measured",
            lambda x: None if x.run is None else x.run.throughput_samples_per_s,
        ),
        Field("wall", "Took", "s", "measured", lambda x: None if x.run is None else x.run.wall_s),
        Field("flags", "Flags", None, None, lambda x: _flags(x.run)),
        Field("rank", "Rank", "count", None, lambda x: x.rank),
        Field("cause", "Cause", None, None, lambda x: x.cause),
        Field("remedy", "What to do", None, None, lambda x: x.remedy),
    )  # fmt: skip
    notes = ["Order: in which they were started; 0 is the first."]
    if any(x.state == "invalid" for x in found):
        notes.append("Invalid runs are left out of every other number.")
    if extras:
        notes.append("The timed training of finished runs that go without a part is whole.")
    return rows_table("runs", "Runs", fields, found, notes)


_MISSING = "The sweep was interrupted before it; the same command with --resume makes it."


def _flags(run: RunRecord | None) -> str | None:
    return ", ".join(run.flags) or None if run is not None else None


def _outcome(run: RunRecord, lost: Sequence[FailureRecord]) -> _Outcome:
    invalid = [key for key in INVALID_FLAGS if key in run.flags]
    if run.status != "ok":
        status = None if run.status == "failed" else run.status
        found = ": ".join(x for x in (status, run.error_type, run.error_message) if x)
        what = remedy_of(run.error_type, run.error_message)
        return _Outcome(run.run_id, run, run.status, found or "unknown", what, run.error_rank)
    if invalid:
        words = "; ".join(FLAGS[key] for key in invalid)
        what = " ".join(dict.fromkeys(INVALID_REMEDIES[key] for key in invalid))
        return _Outcome(run.run_id, run, "invalid", words, what)
    if lost:
        parts = ", ".join(dict.fromkeys(what_failed(x) for x in lost))
        words = "; ".join(dict.fromkeys(cause(x) for x in lost))
        what = " ".join(dict.fromkeys(remedy(x) for x in lost))
        return _Outcome(run.run_id, run, f"ok, without {parts}", words, what, lost[0].rank)
    return _Outcome(run.run_id, run, "ok")


def _extras(results: Results) -> dict[str, list[FailureRecord]]:
    """Return what finished runs go without, by run."""
    by_part: dict[tuple[str, str], list[FailureRecord]] = {
        (run.run_id, part): [] for run in results.ok_runs for part in EXTRAS
    }
    for failure in results.failures:
        by_part.get((failure.run_id, failure.part), []).append(failure)
    found: dict[str, list[FailureRecord]] = {}
    for (run_id, _), failures in by_part.items():
        if failures:
            found.setdefault(run_id, []).extend(origins(failures))
    return found
