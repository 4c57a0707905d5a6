"""What failed, and how everything was measured: runs, environment, configuration, command."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.causes import EXTRAS, remedy_of
from ray_bench.records import FLAGS, FailureRecord, Results, RunRecord
from ray_bench.report.cells import Cell, Section, Table, asked, number, table, text
from ray_bench.report.failure_words import cause, origins, remedy, what_failed
from ray_bench.report.sections.environment import environment_table
from ray_bench.report.stopping import stop_words

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
    "placement_differs": "Look for other jobs on the nodes, or set placements=2x2 or the like, "
    "then use `ray-bench run --resume`.",
}


def failures(results: Results) -> tuple[Section, ...]:
    """Return the failed, invalid and missing runs; no section where all went well."""
    invalid = [run for run in results.ok_runs if set(run.flags) & set(INVALID_FLAGS)]
    tables = [_failed(results)] if results.failed_runs else []
    tables += [_invalid(invalid)] if invalid else []
    tables += [_missing(results)] if results.missing_run_ids else []
    lost = _of_finished(results)
    title = "Failed, invalid and missing runs" if invalid else "Failed and missing runs"
    title = title if tables else "What could not be measured"
    tables += [_lost_extras(lost)] if lost else []
    return (Section("failures", title, tables=tuple(tables)),) if tables else ()


def _invalid(runs: Sequence[RunRecord]) -> Table:
    columns = {"run_id": "Run", "world_size": "Workers", "cause": "Cause", "remedy": "Remedy"}
    rows: list[tuple[Cell, ...]] = [
        (
            text(run.run_id),
            asked(run.point.world_size),
            text("; ".join(FLAGS[key] for key in _invalid_flags(run))),
            text(" ".join(dict.fromkeys(INVALID_REMEDIES[x] for x in _invalid_flags(run)))),
        )
        for run in runs
    ]
    notes = ("They are listed here and left out of every other number.",)
    return table("invalid_runs", "Invalid runs", columns, rows, notes)


def _invalid_flags(run: RunRecord) -> list[str]:
    return [key for key in INVALID_FLAGS if key in run.flags]


def _failed(results: Results) -> Table:
    columns = {
        "run_id": "Run",
        "world_size": "Workers",
        "rank": "Rank",
        "cause": "Cause",
        "remedy": "Remedy",
    }
    rows: list[tuple[Cell, ...]] = [_failed_row(run) for run in results.failed_runs]
    return table("failed_runs", "Failed runs", columns, rows)


def _failed_row(run: RunRecord) -> tuple[Cell, ...]:
    status = None if run.status == "failed" else run.status
    cause = ": ".join(x for x in (status, run.error_type, run.error_message) if x) or "unknown"
    return (
        text(run.run_id),
        asked(run.point.world_size),
        asked(run.error_rank),
        text(cause),
        text(remedy_of(run.error_type, run.error_message)),
    )


def _of_finished(results: Results) -> list[FailureRecord]:
    by_part: dict[tuple[str, str], list[FailureRecord]] = {
        (run.run_id, part): [] for run in results.ok_runs for part in EXTRAS
    }
    for failure in results.failures:
        by_part.get((failure.run_id, failure.part), []).append(failure)
    return [failure for found in by_part.values() for failure in origins(found)]


def _lost_extras(lost: Sequence[FailureRecord]) -> Table:
    columns = {
        "run_id": "Run",
        "rank": "Rank",
        "part": "What failed",
        "cause": "Cause",
        "remedy": "Remedy",
    }
    rows: list[tuple[Cell, ...]] = [
        (text(x.run_id), asked(x.rank), text(what_failed(x)), text(cause(x)), text(remedy(x)))
        for x in lost
    ]
    notes = ("The timed training of these runs is whole, and counts.",)
    return table("lost_extras", "What runs go without", columns, rows, notes)


def _missing(results: Results) -> Table:
    rows = [(text(run_id),) for run_id in results.missing_run_ids]
    title = f"Missing runs ({len(rows)} of {len(results.sweep.run_ids)})"
    return table("missing_runs", title, {"run_id": "Run"}, list(rows))


def how_measured(results: Results) -> tuple[Section, ...]:
    """Return the record: runs, environments, configuration and command."""
    tables = (_runs(results), *([environment_table(results)] if results.environments else []))
    return (
        Section("record", "How it was measured", _about(results), tables),
        Section("configuration", "Configuration", code=_config(results)),
        Section("command", "Command to reproduce", code=results.sweep.command),
    )


def _about(results: Results) -> tuple[str, ...]:
    sweep = results.sweep
    created = sweep.created_at_utc.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"Sweep {sweep.sweep_id}, created {created} with ray_bench {sweep.ray_bench_version}, "
        f"configuration {sweep.config_sha256[:12]}. {len(results.ok_runs)} runs finished, "
        f"{len(results.failed_runs)} failed, {len(results.missing_run_ids)} missing.",
        *([stop_words(results.stop)] if results.stop is not None else []),
    )


def _runs(results: Results) -> Table:
    columns = {
        "order": "Order",
        "run_id": "Run",
        "world_size": "Workers",
        "status": "Status",
        "throughput": "Samples/s",
        "train": "Training",
        "wall": "Wall time",
        "flags": "Flags",
    }
    runs = sorted(results.runs, key=lambda run: (run.order_index, run.attempt))
    notes = ("In the order in which they were started; order 0 is the first.",)
    return table("runs", "Runs", columns, [_run_row(run) for run in runs], notes)


def _run_row(run: RunRecord) -> tuple[Cell, ...]:
    return (
        asked(run.order_index),
        text(run.run_id),
        asked(run.point.world_size),
        text(run.status),
        number(run.throughput_samples_per_s, "samples/s"),
        number(run.train_s, "s"),
        number(run.wall_s, "s"),
        text(", ".join(run.flags) or "none"),
    )


def _config(results: Results) -> str:
    """Return the resolved configuration, indented where it is JSON."""
    try:
        return json.dumps(json.loads(results.sweep.config_json), indent=2, ensure_ascii=False)
    except ValueError:
        return results.sweep.config_json
