"""A fitted curve in tables: the forecast, the laws that were tried, the points."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ray_bench.analysis.fit.choose import Candidate
from ray_bench.analysis.fit.forecast import CurveFit, Forecast
from ray_bench.analysis.fit.reach import parameter_told
from ray_bench.analysis.scaling import gustafson_serial_frac, karp_flatt
from ray_bench.report.cells import Cell, Table, Unit, asked, estimate, number, table, text
from ray_bench.stats.estimate import Estimate

#: Said of a world size that needs a second node where no point had one.
NO_INTER_NODE = "no inter-node measurement"
#: Said of a world size at which the points tell nothing.
NOT_KNOWN = "not known from these points"


def forecast_table(key: str, rows: Sequence[Forecast], level: float) -> Table:
    """Return the forecast, one row a world size."""
    columns = {
        "world_size": "Workers",
        "throughput": "Throughput",
        "speedup": "Speedup",
        "efficiency": "Efficiency",
        "remark": "Remark",
    }
    cells = [
        (
            asked(x.world_size),
            *(
                estimate(value if x.unknown is None else None, unit, "predicted")
                for value, unit in _values(x)
            ),
            text(_remark(x)),
        )
        for x in rows
    ]
    notes = [
        f"An interval is where one new run would lie ({100 * level:g} %), the spread between the "
        "laws and their own error included."
    ]
    return table(key, "Forecast", columns, cells, notes, optional=("remark",))


def _values(forecast: Forecast) -> tuple[tuple[Estimate, Unit], ...]:
    return (
        (forecast.throughput, "samples/s"),
        (forecast.speedup, "x"),
        (forecast.efficiency, "frac"),
    )


def _remark(forecast: Forecast) -> str | None:
    if forecast.unknown is not None:
        return NOT_KNOWN
    if forecast.crosses_boundary:
        return NO_INTER_NODE
    if forecast.is_measured:
        return "measured too"
    return None


def candidate_table(key: str, fit: CurveFit) -> Table:
    """Return the laws that were tried, with their parameters and back-test errors."""
    columns = {
        "law": "Law",
        "forward": "Error from smaller ones",
        "largest": "At the largest",
        "left_out": "Error from all others",
        "weight": "Weight",
        "status": "Fit",
    }
    rows = [_candidate_row(fit, x) for x in fit.candidates]
    notes = [
        "Errors are means of |predicted / measured - 1| over points that the law was not fitted "
        "to; - where there were too few. Weight: how much the law counts in the forecast."
    ]
    return table(key, "Laws", columns, rows, notes)


def _candidate_row(fit: CurveFit, candidate: Candidate) -> tuple[Cell, ...]:
    law, test = candidate.test.law, candidate.test
    mark = " (taken)" if candidate is fit.chosen else ""
    largest = test.largest_error
    return (
        text(f"{law.title}{mark}"),
        number(test.forward_error, "frac"),
        number(None if largest is None else abs(math.expm1(largest)), "frac"),
        number(test.left_out_error, "frac"),
        number(candidate.weight, "frac"),
        text(candidate.fit.status.name.lower().replace("_", " ")),
    )


def parameter_table(key: str, candidate: Candidate, level: float) -> Table:
    """Return the parameters of a law. Their text is rounded here: each has a unit of its own."""
    columns = {"name": "Parameter", "value": "Value", "interval": "Interval", "meaning": "Meaning"}
    rows = []
    for parameter in candidate.test.law.parameters:
        value = parameter_told(candidate.fit.parameter(parameter.name, level))
        rows.append(
            (
                text(parameter.name),
                text(f"{value.value:.4g}"),
                text(_bounds(value)),
                text(f"{parameter.meaning} [{parameter.unit}]"),
            )
        )
    notes = [
        "Where only throughput is known, times are those of one sample: s stands for "
        f"worker-seconds a sample. Intervals ({100 * level:g} %) hold if the law is right."
    ]
    title = f"Parameters: {candidate.test.law.title}"
    return table(key, title, columns, rows, notes)


def _bounds(value: Estimate) -> str | None:
    if value.low is None or value.high is None:
        return None
    return f"{value.low:.4g} to {value.high:.4g}"


def point_table(key: str, fit: CurveFit) -> Table:
    """Return the measured points beside the law that is taken."""
    columns = {
        "world_size": "Workers",
        "throughput": "Throughput",
        "efficiency": "Efficiency",
        "serial_frac": "Serial share",
        "residual": "Measured / law",
    }
    rows = []
    for size, rate, share, residual in points_of_fit(fit):
        rows.append(
            (
                asked(size),
                number(rate, "samples/s"),
                number(efficiency(fit, size, rate), "frac"),
                number(share, "frac"),
                number(None if residual is None else math.exp(residual), "frac"),
            )
        )
    notes = [
        "Serial share: Karp and Flatt's in strong scaling, Gustafson's in weak scaling. Flat: "
        "serial work. Rising: overhead that grows with the workers."
    ]
    return table(key, "Measured points", columns, rows, notes)


def efficiency(fit: CurveFit, size: float, rate: float) -> float:
    """Return X(N) / N against that of the smallest world size."""
    return rate / size * math.exp(float(fit.points.log_cost[0]))


def points_of_fit(fit: CurveFit) -> list[tuple[float, float, float | None, float | None]]:
    """Return world size, throughput, serial share and ln(measured / law) of every point."""
    points = fit.points
    sizes = [float(n) for n in points.place.world_size]
    rates = [math.exp(float(x)) for x in points.log_throughput]
    residuals = [None] * len(sizes) if fit.chosen is None else fit.chosen.fit.residuals.tolist()
    serial = gustafson_serial_frac if points.mode == "weak" else karp_flatt
    shares = [
        serial(rate / rates[0], n / sizes[0]) if n > sizes[0] else None
        for n, rate in zip(sizes, rates, strict=True)
    ]
    return list(zip(sizes, rates, shares, residuals, strict=True))
