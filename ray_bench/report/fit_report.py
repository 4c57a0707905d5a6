"""A fitted curve as a report, for the renderers of the other reports."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.fit.forecast import CurveFit, Forecast
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.report.cells import Section, estimate
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
    name: str, fit: CurveFit, rows: Sequence[Forecast], level: float, unit: str
) -> Report:
    """Return what a person reads about a fit.

    Args:
        name: Of the curve.
        fit: The laws, tried on it.
        rows: The forecast, at least one world size.
        level: Of the intervals.
        unit: Of the throughput.
    """
    found = warnings_of(fit, [x.world_size for x in rows])
    flags = tuple(Flag(x.kind, warning_words(x)) for x in found)
    section = Section(
        "fit",
        "Fit",
        paragraphs=(law_words(fit), f"Throughput is in {unit}."),
        tables=(
            forecast_table("forecast", rows, level),
            point_table("points", fit),
            candidate_table("laws", fit),
            *([parameter_table("parameters", fit.chosen, level)] if fit.chosen else []),
        ),
    )
    return Report(
        title=f"Scaling law: {name}",
        sweep_id="",
        answer=_answer(fit, rows),
        flags=flags,
        sections=(section,),
        legend=LEGEND.replace("95 %", f"{100 * level:g} %"),
    )


def _answer(fit: CurveFit, rows: Sequence[Forecast]) -> str:
    last = rows[-1]
    rate = show(estimate(last.throughput, "samples/s", "predicted"))
    share = show(estimate(last.efficiency, "frac", "predicted"))
    law = "No law fits" if fit.chosen is None else fit.chosen.test.law.title.capitalize()
    if fit.chosen is None and not fit.is_tested:
        law = "No law is tested"
    return f"{law}. {last.world_size} workers: throughput {rate}, efficiency {share}."
