"""Summary, scaling curve and communication."""

from __future__ import annotations

from ray_bench.analysis.estimate import log_ratio
from ray_bench.analysis.phases import PhaseSplit
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.report.batch_words import batch_cell, batch_tables
from ray_bench.report.cells import (
    Cell,
    Section,
    Table,
    asked,
    estimate,
    log_estimate,
    number,
    table,
    text,
)
from ray_bench.report.context import Context
from ray_bench.report.sentences import left_out
from ray_bench.report.stopping import stop_words

_SOURCES = {
    "repeats": "Intervals: t (Welch), from the spread between the runs of a world size.",
    "within_run": "Intervals: t, batch means of timed blocks, within one run only.",
    "none": "No intervals: too few runs and timed blocks.",
}


_PAIRED = (
    "Interleaved: speedups are paired, exp of the mean over rounds of ln(throughput / throughput "
    "of the baseline in the same round), with a t-interval over rounds."
)
_EACH = " Each holds on its own: they are not widened for their number."


def section(context: Context) -> Section:
    """Return the scaling section."""
    tables = (
        _summary(context),
        *batch_tables(context),
        _curve(context),
        _communication(context),
    )
    return Section(context.key("scaling"), context.title("Scaling"), tables=tables)


def _summary(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "runs": "Runs",
        "batch": "Batch per worker",
        "lr": "Learning rate",
        "throughput": "Samples/s",
        "speedup": "Speedup",
        "efficiency": "Efficiency",
        "epoch_time": "Time per epoch",
        "val_accuracy": "Validation accuracy",
    }
    rows = [_summary_row(context, n) for n in context.study.group.world_sizes]
    notes = [_SOURCES[context.study.source] + _EACH, _definition(context)]
    if context.study.curve.is_paired:
        notes.append(_PAIRED)
    if context.results.stop is not None:
        notes.append(stop_words(context.results.stop))
    if any(len(_rules(context, n)) > 1 for n in context.study.group.world_sizes):
        notes.append("Several learning-rate rules: rates and accuracies are in the accuracy table.")
    if words := left_out(context):
        notes.append(words)
    if context.study.ddp_at_one is not None:
        rows.append(_wrapped_row(context))
        notes.append("1 with DDP: world size 1 in the DDP wrapper, beside the curve.")
    return table(context.key("summary"), "Summary", columns, rows, notes)


def _definition(context: Context) -> str:
    base = context.study.baseline
    ratio = f"throughput over that of {base} worker{'s' * (base > 1)}"
    if context.study.scaling == "weak":
        return f"Weak scaling (batch per worker fixed): speedup = {ratio} (scaled speedup)."
    return f"Strong scaling (global batch fixed): speedup = {ratio}."


def _rules(context: Context, size: int) -> set[float | None]:
    return {run.point.lr for run in context.study.runs_at(size)}


def _summary_row(context: Context, size: int) -> tuple[Cell, ...]:
    study = context.study
    runs = study.runs_at(size)
    row, time = study.size(size).row, study.size(size).time
    rates = _rules(context, size)
    accuracy = [row for row in study.accuracy if row.world_size == size]
    is_single = len(accuracy) == 1
    return (
        asked(size),
        asked(len(runs)),
        batch_cell(study, size),
        asked(next(iter(rates)) if len(rates) == 1 else None, "lr"),
        estimate(row.throughput if row else None, "samples/s"),
        estimate(row.speedup if row else None, "x"),
        estimate(row.efficiency_frac if row else None, "frac"),
        log_estimate(time.epoch if time else None, "s", "derived"),
        estimate(accuracy[0].val if is_single else None, "frac"),
    )


def _wrapped_row(context: Context) -> tuple[Cell, ...]:
    wrapped = context.study.ddp_at_one
    run = context.study.group.ddp_at_one[0]
    plain = context.study.throughput.get(1)
    ratio = None if wrapped is None or plain is None else log_ratio(wrapped, plain).estimate
    return (
        text("1 with DDP"),
        asked(len(context.study.group.ddp_at_one)),
        asked(run.point.local_batch_size),
        asked(run.point.lr, "lr"),
        log_estimate(wrapped, "samples/s"),
        estimate(ratio, "x"),
        asked(None),
        asked(None),
        asked(None),
    )


def _curve(context: Context) -> Table:
    """Return ideal and measured speedup and the serial share of every world size."""
    weak = context.study.scaling == "weak"
    serial = "Serial share (Gustafson)" if weak else "Serial share (Karp-Flatt)"
    columns = {
        "world_size": "Workers",
        "ideal": "Ideal speedup",
        "speedup": "Speedup",
        "efficiency": "Efficiency",
        "serial": serial,
    }
    notes = [
        "A serial share that stays flat is work that does not parallelise; one that rises with the "
        "workers is overhead such as communication; a negative one is superlinear. Above "
        "100 % means slower than the baseline."
    ]
    if context.study.baseline > 1:
        notes.append(f"All relative to {context.study.baseline} workers, the smallest measured.")
    rows = [_curve_row(row) for row in context.study.rows]
    return table(context.key("scaling"), "Scaling curve", columns, rows, notes)


def _curve_row(row: ScalingRow) -> tuple[Cell, ...]:
    return (
        asked(row.world_size),
        asked(row.ideal_speedup, "x"),
        estimate(row.speedup, "x"),
        estimate(row.efficiency_frac, "frac"),
        estimate(row.serial_frac, "frac"),
    )


def _communication(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "ideal": "Ideal speedup",
        "speedup": "Observed speedup",
        "overhead": "Overhead, all causes",
        "exposed": "Exposed communication per step",
        "exposed_epoch": "Per epoch",
        "exposed_share": "Share of step",
    }
    notes = [
        "Overhead = 1 - parallel efficiency; communication is only one of its causes. A negative "
        "overhead is superlinear scaling. Exposed: what a step waits for, the slowest rank "
        "included."
    ]
    if not context.study.phases:
        notes.append("No phases were sampled, so exposed communication is unknown.")
    rows = [_communication_row(context, row) for row in context.study.rows]
    return table(context.key("communication"), "Communication overhead", columns, rows, notes)


def _communication_row(context: Context, row: ScalingRow) -> tuple[Cell, ...]:
    split = context.study.size(row.world_size).phases
    exposed = None if split is None else split.exposed
    share = None if split is None or exposed is None else exposed.value / split.total_s
    return (
        asked(row.world_size),
        asked(row.ideal_speedup, "x"),
        estimate(row.speedup, "x"),
        estimate(row.efficiency_frac.mapped(lambda e: 1 - e), "frac"),
        estimate(exposed, "s"),
        number(_per_epoch(context, split), "s", "derived"),
        number(share, "frac"),
    )


def _per_epoch(context: Context, split: PhaseSplit | None) -> float | None:
    samples = context.study.first.num_train_samples
    if split is None or samples is None or split.exposed is None:
        return None
    return split.exposed.value / split.global_batch_size * samples
