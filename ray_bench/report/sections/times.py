"""Training time, and how much of it more workers save."""

from __future__ import annotations

from ray_bench.analysis.estimate import value_of
from ray_bench.analysis.times import TimeRow, is_same_work, run_time, saving, seconds_saved
from ray_bench.report.cells import (
    Cell,
    Kind,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
)
from ray_bench.report.context import Context

#: Iterating on a model means many runs; the seeds' reports count ten.
_MANY_RUNS = 10


def section(context: Context) -> Section:
    """Return the time section."""
    tables = (_training_time(context), _savings(context))
    return Section(context.key("time"), context.title("Time"), tables=tables)


def _work_note(context: Context) -> tuple[str, ...]:
    if is_same_work(context.study.times):
        return ()
    return (
        "Runs saw different amounts of data, so measured totals are not compared: time per run is "
        "the baseline's number of epochs x time per epoch, evaluation left out.",
    )


def _kind(context: Context) -> Kind:
    return "measured" if is_same_work(context.study.times) else "derived"


def _training_time(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "total": "Total",
        "train": "Training",
        "eval": "Evaluation",
        "setup": "Start-up",
        "whole": "With start-up",
        "epochs": "Epochs",
        "epoch": "Per epoch",
        "iteration": "Per iteration",
        "ratio": "Times as fast",
        "less": "Less time",
    }
    notes = [
        "Total = training + evaluation; start-up is not in it. Per epoch = training samples / "
        "steady throughput, so warm-up is not in it. Times as fast and less time compare time per "
        "epoch. Training, evaluation and start-up are means over runs, the other times geometric "
        "means; intervals as in the summary.",
    ]
    rows = [_time_row(context, row) for row in context.study.times]
    return table(context.key("training_time"), "Training time", columns, rows, notes)


def _time_row(context: Context, row: TimeRow) -> tuple[Cell, ...]:
    speedups = {x.world_size: x.speedup for x in context.study.rows}
    speedup = speedups.get(row.world_size)
    less = None if speedup is None else speedup.mapped(lambda s: 1 - 1 / s)
    return (
        asked(row.world_size),
        log_estimate(row.total, "s"),
        number(row.train_s, "s"),
        number(row.eval_s, "s"),
        number(row.setup_s, "s"),
        log_estimate(row.with_setup, "s"),
        number(row.num_epochs, "count"),
        log_estimate(row.epoch, "s", "derived"),
        log_estimate(row.iteration, "s"),
        estimate(speedup, "x"),
        estimate(less, "frac"),
    )


def _savings(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "one_run": "One run",
        "ten_runs": f"{_MANY_RUNS} runs",
        "saved_one": "Saved in one run",
        "saved_ten": f"Saved in {_MANY_RUNS} runs",
        "ratio": "Times as fast",
        "less": "Less time",
    }
    rows = [_saving_row(context, row) for row in context.study.times]
    notes = [*_work_note(context), "A negative saving is a loss."]
    return table(context.key("time_savings"), "Time savings", columns, rows, notes)


def _saving_row(context: Context, row: TimeRow) -> tuple[Cell, ...]:
    times = context.study.times
    own = value_of(run_time(row, times))
    is_baseline = row is times[0]
    change = None if is_baseline else saving(row, times)
    saved = None if is_baseline else seconds_saved(row, times)
    kind = _kind(context)
    return (
        asked(row.world_size),
        estimate(own, "s", kind),
        estimate(own.scaled(_MANY_RUNS) if own else None, "s", "derived"),
        estimate(saved, "s", kind),
        estimate(saved.scaled(_MANY_RUNS) if saved else None, "s", "derived"),
        estimate(change.ratio if change else None, "x", kind),
        estimate(change.less_frac if change else None, "frac", kind),
    )
