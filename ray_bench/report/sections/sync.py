"""Gradient synchronisation, slow ranks, and what happens between steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.stragglers import MIN_LAG_FRAC, RankLag
from ray_bench.analysis.sync import SyncSplit
from ray_bench.analysis.times import TimeRow, mean
from ray_bench.records import RunRecord
from ray_bench.report.cells import Cell, Table, asked, estimate, number, table, text
from ray_bench.report.context import Context

Tables = Mapping[str, Mapping[str, np.ndarray]]


def sync_table(context: Context) -> Table:
    """Return what synchronisation takes: in all, exposed, hidden, and by contention."""
    columns = {
        "world_size": "Workers",
        "total": "Synchronisation",
        "exposed": "Exposed",
        "skew": "Waiting for the slowest rank",
        "transfer": "Exposed transfer",
        "hidden": "Hidden share",
        "contention": "Contention",
    }
    splits = {split.world_size: split.step for split in context.study.phases}
    rows = [_sync_row(sync, splits.get(sync.world_size, {})) for sync in context.study.syncs]
    notes = [
        "Seconds per step, mean over ranks. Synchronisation: while any gradient bucket is under "
        "way. Exposed: what the step waits for = waiting for the slowest rank + exposed transfer. "
        "Contention: steps with synchronisation less steps without (no_sync) less the exposed "
        "part; a negative one, or one whose interval contains 0, is not seen."
    ]
    notes = notes if rows else ["Nothing was synchronised in sampled steps."]
    return table(
        context.key("sync"),
        "Gradient synchronisation per step",
        columns,
        rows,
        notes,
        optional=("total", "hidden", "contention"),
    )


def _sync_row(sync: SyncSplit, phases: Mapping[str, Estimate]) -> tuple[Cell, ...]:
    return (
        asked(sync.world_size),
        estimate(sync.total, "s"),
        estimate(sync.exposed, "s"),
        estimate(phases.get("skew_wait"), "s"),
        estimate(phases.get("exposed_comm"), "s"),
        number(sync.hidden_frac, "frac"),
        estimate(sync.contention, "s"),
    )


def slow_ranks_table(context: Context) -> Table:
    """Return the ranks that are surely slower than the others, with the phase."""
    columns = {
        "world_size": "Workers",
        "rank": "Rank",
        "phase": "Mostly in",
        "behind": "Slower by, per step",
    }
    rows = [_lag_row(n, lag) for n, lags in context.study.lags.items() for lag in lags]
    notes = [
        f"Ranks that take at least {MIN_LAG_FRAC * 100:g} % longer than the median of the others "
        "for data, forward, loss and backward, and surely so; the others wait as long."
        if rows
        else "No rank is surely slower than the others."
    ]
    return table(context.key("slow_ranks"), "Slow ranks", columns, rows, notes, is_drawn=bool(rows))


def _lag_row(size: int, lag: RankLag) -> tuple[Cell, ...]:
    return (
        asked(size),
        asked(lag.rank),
        text(lag.phase.replace("_", " ")),
        estimate(lag.seconds, "s"),
    )


def between_table(context: Context) -> Table:
    """Return what is timed beside the steps: evaluation and one checkpoint."""
    columns = {
        "world_size": "Workers",
        "eval": "One evaluation",
        "checkpoint": "One checkpoint",
    }
    epochs = split_by_run(context.results.epochs)
    rows = [_between_row(context, row, epochs) for row in context.study.times]
    notes = ["Not part of a step, and not of the throughput. Means over runs."]
    return table(
        context.key("between_steps"),
        "Between steps",
        columns,
        rows,
        notes,
        optional=("eval", "checkpoint"),
    )


def _between_row(context: Context, row: TimeRow, epochs: Tables) -> tuple[Cell, ...]:
    runs = context.study.runs_at(row.world_size)
    return (
        asked(row.world_size),
        number(mean(mean(_evaluations_s(run, epochs)) for run in runs), "s"),
        number(mean(run.checkpoint_s for run in runs), "s"),
    )


def _evaluations_s(run: RunRecord, epochs: Tables) -> Iterator[float]:
    """Yield the seconds of a run's evaluations, which not every epoch has."""
    found = epochs.get(run.run_id, {}).get("eval_s", ())
    return (float(seconds) for seconds in found if seconds is not None and np.isfinite(seconds))
