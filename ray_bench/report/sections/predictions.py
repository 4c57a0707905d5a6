"""What the fitted law says of other numbers of workers, beside what was measured."""

from __future__ import annotations

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.analysis.nodes import nodes_by_size
from ray_bench.analysis.predict import Prediction, prediction_sizes
from ray_bench.analysis.resources import cost
from ray_bench.analysis.scaling import LOW_EFFICIENCY_FRAC
from ray_bench.report.accumulation import SMALLER, has_smaller
from ray_bench.report.cells import Cell, Section, Table, Unit, asked, estimate, table, text
from ray_bench.report.context import Context, workers
from ray_bench.report.fit_tables import NO_INTER_NODE, NOT_KNOWN, candidate_table
from ray_bench.report.fit_words import law_words, warning_words
from ray_bench.report.format import show
from ray_bench.report.shape_words import OF_A_SWEEP, OF_A_SWEEP_WITH_PHASES, Hints

#: Other warnings of a fit are flags of the report, or are about files.
_SAID_HERE = (
    *("no_law_fits", "falling", "outlier", "first_step", "cliff", "plateau", "fall"),
    *("two_points", "no_peak", "no_inter_node", "beyond_reach"),
)


def section(context: Context) -> Section:
    """Return the predictions."""
    return Section(
        context.key("predictions"),
        context.title("Predictions"),
        paragraphs=tuple(_words(context)),
        tables=(_predictions(context), *_laws(context), _curve(context)),
    )


def _words(context: Context) -> list[str]:
    """Return how the predictions were made and how far they can be trusted."""
    fit = context.study.fit
    if fit is None:
        return [
            "No law is fitted: it needs two world sizes that carry a claim. Measure another one."
        ]
    sizes = ", ".join(f"{n:g}" for n in fit.points.place.world_size)
    words = [f"Fitted to {sizes} workers. {law_words(fit)}"]
    if fit.points.variance is None:
        words.append("No prediction is given without an interval. Use repeats=3.")
        return words
    wanted = prediction_sizes(tuple(row.world_size for row in context.study.rows))
    said = [x for x in warnings_of(fit, wanted) if x.kind in _SAID_HERE]
    words += [warning_words(x, _hints(context)) for x in said]
    words += _diminishing(context)
    largest = max(context.study.clean_sizes)
    if all(x.world_size <= largest for x in context.study.predictions):
        return words
    is_said = any(x.kind == "no_inter_node" for x in said)
    extrapolated = f"Beyond {workers(largest)} the forecast is extrapolated."
    return [*words, extrapolated + ("" if is_said else f" {_not_measured(context)}")]


def _hints(context: Context) -> Hints:
    return OF_A_SWEEP_WITH_PHASES if context.study.verdict.has_phases else OF_A_SWEEP


def _diminishing(context: Context) -> list[str]:
    """Return from where on the law gives each worker less than half its worth."""
    for x in context.study.predictions:
        if x.efficiency_frac is not None and x.efficiency_frac.value < LOW_EFFICIENCY_FRAC:
            shown = show(estimate(x.efficiency_frac, "frac", "predicted"))
            return [
                f"Diminishing returns: {x.world_size} workers are the first in the table with a "
                f"predicted efficiency below 50 %: {shown}."
            ]
    return []


def _not_measured(context: Context) -> str:
    nodes = nodes_by_size(context.study.group.runs, context.results.environments).values()
    return (
        "No run spanned several nodes: a prediction that needs a second node does not know its "
        "network."
        if nodes and max(nodes) == 1
        else "A network that was not measured is not in the predictions."
    )


def _laws(context: Context) -> tuple[Table, ...]:
    fit = context.study.fit
    return () if fit is None else (candidate_table(context.key("laws"), fit),)


def _predictions(context: Context) -> Table:
    columns = {
        "world_size": "Workers",
        "batch": "Batch per worker",
        "speedup": "Speedup",
        "measured_speedup": "Measured speedup",
        "efficiency": "Efficiency",
        "throughput": "Samples/s",
        "epoch_time": "Time per epoch",
        "total_time": "Total time",
        "cost": "Cost per run",
        "remark": "Remark",
    }
    rows = [_row(context, x) for x in context.study.predictions]
    notes = _batch_notes(context)
    if rows:
        notes.insert(0, _total_note(context))
    return table(
        context.key("predictions"), "Predictions", columns, rows, notes, optional=("cost", "remark")
    )


def _total_note(context: Context) -> str:
    epochs = context.study.times[0].num_epochs
    if not epochs:
        return "The number of epochs is unknown, so there is no total time."
    shown = show(asked(epochs)).value
    return (
        f"Total time = {shown} epochs x time per epoch, evaluation, warm-up and start-up "
        "left out. An interval is where one new run would lie (95 %), the spread between the laws "
        "and their own error included."
    )


def _batch_notes(context: Context) -> list[str]:
    """Return why some world sizes cannot be run as they are."""
    found = context.study.predictions
    odd = [str(x.world_size) for x in found if x.batch_per_worker >= 1 and not x.is_divisible]
    empty = [str(x.world_size) for x in found if x.batch_per_worker < 1]
    notes = []
    if odd:
        notes.append(
            f"The global batch of {context.study.batch_size} cannot be divided evenly among "
            f"{', '.join(odd)} workers."
        )
    if empty:
        notes.append(
            f"The global batch of {context.study.batch_size} has fewer samples than "
            f"{', '.join(empty)} workers: there is nothing to predict."
        )
    return notes


def _row(context: Context, prediction: Prediction) -> tuple[Cell, ...]:
    rate = prediction.throughput
    samples = context.study.first.num_train_samples
    epochs = context.study.times[0].num_epochs
    epoch = rate.mapped(lambda x: samples / x) if rate and samples else None
    total = epoch.scaled(epochs) if epoch and epochs else None
    money = cost(total and total.scaled(prediction.world_size), context.price_per_worker_hour)
    return (
        asked(prediction.world_size),
        asked(prediction.batch_per_worker),
        _predicted(prediction.speedup, "x"),
        estimate(prediction.measured_speedup, "x"),
        _predicted(prediction.efficiency_frac, "frac"),
        _predicted(rate, "samples/s"),
        _predicted(epoch, "s"),
        _predicted(total, "s"),
        estimate(money, "money", "predicted", context.currency),
        text("; ".join(_remarks(context, prediction)) or None),
    )


def _remarks(context: Context, prediction: Prediction) -> list[str]:
    if prediction.unknown is not None:
        return [NOT_KNOWN]
    is_smaller = has_smaller(context.study, prediction.world_size)
    return [
        *([NO_INTER_NODE] if prediction.crosses_boundary else []),
        *([SMALLER] if is_smaller and prediction.measured_speedup is None else []),
    ]


def _predicted(value: Estimate | None, unit: Unit) -> Cell:
    return estimate(value, unit, "predicted")


def _curve(context: Context) -> Table:
    law = context.study.law
    name = law.name if law else ("Gustafson" if context.study.scaling == "weak" else "Amdahl")
    columns = {
        "world_size": "Workers",
        "ideal": "Ideal",
        "law": f"{name}'s law",
        "measured": "Measured",
        "difference": "Measured / law",
    }
    rows = [_curve_row(context, x) for x in context.study.predictions]
    notes = []
    if law is not None:
        share = show(estimate(law.serial_frac, "frac", "predicted"))
        beyond = ", which was not measured" if law.baseline > 1 else ""
        notes.append(f"Serial share of the fitted law, of the time at 1 worker{beyond}: {share}.")
    title = f"Speedup curve ({name}'s law)"
    return table(context.key("amdahl_curve"), title, columns, rows, notes)


def _curve_row(context: Context, prediction: Prediction) -> tuple[Cell, ...]:
    law = context.study.law
    is_known = law is not None and law.fit.draws is not None and prediction.batch_per_worker >= 1
    speedup = law.speedup(prediction.world_size) if law is not None and is_known else None
    measured = prediction.measured_speedup
    ratio = measured.scaled(1 / speedup.value) if speedup and measured else None
    return (
        asked(prediction.world_size),
        asked(prediction.world_size / context.study.baseline, "x"),
        _predicted(speedup, "x"),
        estimate(measured, "x"),
        estimate(ratio and Estimate(ratio.value), "frac", "derived"),
    )
