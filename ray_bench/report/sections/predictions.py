"""What the fitted law says of other numbers of workers, beside what was measured."""

from __future__ import annotations

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.analysis.nodes import nodes_by_size
from ray_bench.analysis.predict import Prediction, prediction_sizes
from ray_bench.analysis.scaling import LOW_EFFICIENCY_FRAC
from ray_bench.analysis.verdict import clean_sizes
from ray_bench.report.accumulation import SMALLER, has_smaller
from ray_bench.report.cells import Section, Table, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Field, rows_table
from ray_bench.report.fit_tables import NO_INTER_NODE, candidate_table
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
        context.title("Forecast"),
        paragraphs=(*_words(context), *_remarks(context), *_batch_notes(context)),
        tables=(*_laws(context), _curve(context)),
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
    largest = max(clean_sizes(context.study.group.runs))
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


def _remarks(context: Context) -> list[str]:
    """Return which world sizes the forecast knows less of, and why."""
    found = [x for x in context.study.predictions if x.measured_speedup is None]
    far = [str(x.world_size) for x in found if x.crosses_boundary]
    small = [str(x.world_size) for x in found if has_smaller(context.study, x.world_size)]
    words = [f"{', '.join(far)} workers: {NO_INTER_NODE}."] if far else []
    return [*words, *([f"{', '.join(small)} workers: {SMALLER}."] if small else [])]


def _curve(context: Context) -> Table:
    law = context.study.law
    name = law.name if law else ("Gustafson" if context.study.scaling == "weak" else "Amdahl")
    fields: tuple[Field[Prediction], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("ideal", "Ideal", "x", None, lambda x: x.world_size / context.study.baseline),
        Field("law", f"{name}'s law", "x", "predicted", lambda x: _by_law(context, x)),
        Field("difference", "Measured / law", "frac", "derived", lambda x: _off(context, x)),
    )
    notes = [words] if (words := _serial_words(context)) else []
    title = f"Speedup by {name}'s law alone"
    found = context.study.predictions
    return rows_table(context.key("amdahl_curve"), title, fields, found, notes)


def _serial_words(context: Context) -> str:
    """Return the serial share of the law, or why there is none."""
    law = context.study.law
    if law is None:
        return ""
    if law.fit.is_misfit:
        return f"{law.name}'s law does not describe the measurements, so no serial share is given."
    if law.serial_frac.value >= 1 and context.study.rows[-1].speedup.value < 1:
        return (
            f"Throughput falls, which {law.name}'s law cannot describe: no serial share is given."
        )
    beyond = ", which was not measured" if law.baseline > 1 else ""
    share = show(estimate(law.serial_frac, "frac", "predicted"))
    words = f"Serial share of the fitted law, of the time at 1 worker{beyond}: {share}"
    if law.fit.status is FitStatus.UNDERDETERMINED:
        return f"{words}; with two world sizes the law itself is not tested."
    return f"{words}."


def _by_law(context: Context, prediction: Prediction) -> Estimate | None:
    law = context.study.law
    if law is None or law.fit.draws is None or prediction.batch_per_worker < 1:
        return None
    return law.speedup(prediction.world_size)


def _off(context: Context, prediction: Prediction) -> float | None:
    measured, law = prediction.measured_speedup, _by_law(context, prediction)
    return measured.value / law.value if measured and law else None


def says(context: Context) -> str:
    """Return the main number: which law predicts best, and how well."""
    fit = context.study.fit
    if fit is None:
        return "no forecast: it needs two world sizes that carry a claim"
    if fit.chosen is None:
        return "no law is taken: two sizes test none" if not fit.is_tested else "no law fits"
    error = fit.chosen.test.forward_error
    error = fit.chosen.test.left_out_error if error is None else error
    title = f"{fit.chosen.test.law.title[:1].upper()}{fit.chosen.test.law.title[1:]}"
    if error is None:
        return f"{title} fits best"
    return f"{title} predicts best, to {show(number(error, 'frac')).value}"
