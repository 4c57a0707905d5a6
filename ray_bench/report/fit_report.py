"""A fitted curve as a report, for the renderers of the other reports."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.fit.forecast import CurveFit, Forecast, reached
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.report.cells import Section, estimate
from ray_bench.report.context import workers
from ray_bench.report.fit_tables import (
    candidate_table,
    forecast_table,
    parameter_table,
    point_table,
)
from ray_bench.report.fit_words import law_words, warning_words
from ray_bench.report.flags import Flag
from ray_bench.report.format import LEGEND, show
from ray_bench.report.model import Report


def fit_report(
    name: str,
    fit: CurveFit,
    rows: Sequence[Forecast],
    level: float,
    unit: str,
    *,
    is_asked: bool = True,
) -> Report:
    """Return what a person reads about a fit.

    Args:
        name: Of the curve.
        fit: The laws, tried on it.
        rows: The forecast, at least one world size, ascending unless asked for.
        level: Of the intervals.
        unit: Of the throughput.
        is_asked: Whether somebody wanted these world sizes; others end where nothing is known.
    """
    found = warnings_of(fit, [x.world_size for x in rows])
    flags = tuple(Flag(x.kind, warning_words(x)) for x in found)
    shown = tuple(rows) if is_asked else reached(rows)
    section = Section(
        "fit",
        "Fit",
        paragraphs=(law_words(fit), f"Throughput is in {unit}."),
        tables=(
            *([forecast_table("forecast", shown, level)] if shown else []),
            point_table("points", fit),
            *([] if fit.slips else [candidate_table("laws", fit)]),
            *([parameter_table("parameters", fit.chosen, level)] if fit.chosen else []),
        ),
    )
    return Report(
        title=f"Scaling law: {name}",
        sweep_id="",
        answer=_answer(fit, shown),
        flags=flags,
        sections=(section,),
        legend=LEGEND.replace("95 %", f"{100 * level:g} %"),
    )


def law_said(fit: CurveFit) -> str:
    """Return the law that is taken, as an answer begins."""
    if not fit.is_tested:
        return "No law is tested"
    return "No law fits" if fit.chosen is None else fit.chosen.test.law.title.capitalize()


def _answer(fit: CurveFit, rows: Sequence[Forecast]) -> str:
    if fit.slips:
        return "No forecast: a unit may be another one for some of the world sizes."
    law = law_said(fit)
    last = next((x for x in reversed(rows) if x.unknown is None), None)
    if last is None:
        largest = round(float(fit.points.place.world_size[-1]))
        what = workers(rows[-1].world_size) if rows else f"more than {workers(largest)}"
        return f"{law}. What {what} would give is not known from these points."
    rate = show(estimate(last.throughput, "samples/s", "predicted"))
    share = show(estimate(last.efficiency, "frac", "predicted"))
    return f"{law}. {workers(last.world_size)}: throughput {rate}, efficiency {share}."
