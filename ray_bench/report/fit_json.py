"""A fitted curve as JSON, for programs: full precision, no NaN, unknown is null."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from ray_bench.analysis.fit.choose import Candidate
from ray_bench.analysis.fit.forecast import CurveFit, Forecast, reached
from ray_bench.analysis.fit.measured import MeasuredCurve
from ray_bench.analysis.fit.peak import peak_of
from ray_bench.analysis.fit.reach import is_wide, parameter_told
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.analysis.laws import usl
from ray_bench.report.fit_tables import efficiency, points_of_fit
from ray_bench.report.fit_words import warning_words
from ray_bench.stats.estimate import Estimate

#: Rises when a key changes its meaning or goes away.
FORMAT_VERSION = 1


def fit_json(
    curve: MeasuredCurve,
    fit: CurveFit,
    rows: Sequence[Forecast],
    level: float,
    unit: str,
    *,
    is_asked: bool = True,
) -> str:
    """Return the whole fit as JSON text; the arguments are those of `fit_report`.

    Where nothing is known of a world size that was asked for, its numbers are null.
    """
    taken = fit.chosen
    sizes = [x.world_size for x in rows]
    shown = rows if is_asked else reached(rows)
    document = {
        "format_version": FORMAT_VERSION,
        "law": None if taken is None else taken.test.law.key,
        "formula": None if taken is None else taken.test.law.formula,
        "parameters": {} if taken is None else _parameters(taken, level),
        "scaling": fit.points.mode,
        "workers_per_node": curve.workers_per_node,
        "level": level,
        "throughput_unit": unit,
        "predictions": [_prediction(curve, fit, x, level) for x in shown],
        "candidates": [_candidate(fit, x, level) for x in fit.candidates],
        "refused": [{"law": x.key, "num_parameters": x.num_parameters} for x in fit.refused],
        "backtest": _backtest(fit),
        "points": [_point(fit, *row) for row in points_of_fit(fit)],
        "slips": [
            {
                "world_sizes": list(x.world_sizes),
                "before": x.before,
                "factor": x.factor,
                "is_larger": x.is_larger,
            }
            for x in fit.slips
        ],
        "spoilers": [
            {
                "world_size": x.world_size,
                "before": x.before,
                "trouble": x.trouble,
                "change_frac": x.change,
            }
            for x in fit.spoilers
        ],
        "warnings": [warning_words(x) for x in warnings_of(fit, sizes)],
    }
    return json.dumps(_finite(document), indent=2, allow_nan=False, ensure_ascii=False)


def _prediction(
    curve: MeasuredCurve, fit: CurveFit, forecast: Forecast, level: float
) -> dict[str, Any]:
    size, is_known = forecast.world_size, forecast.unknown is None
    law = None if fit.chosen is None else fit.chosen.fit.throughput(size, level)
    told = Estimate(law.value) if law is not None and is_wide(law) else law
    return {
        "world_size": size,
        **_bounds("throughput", forecast.throughput if is_known else None, ""),
        **_bounds("speedup", forecast.speedup if is_known else None, "speedup_"),
        **_bounds("efficiency", forecast.efficiency if is_known else None, "efficiency_"),
        "step_time_s": _step_time_s(curve, fit, forecast) if is_known else None,
        **_bounds("law_throughput", told if is_known else None, "law_"),
        "is_measured": forecast.is_measured,
        "is_extrapolated": forecast.is_extrapolated,
        "crosses_unmeasured_node_boundary": forecast.crosses_boundary,
        "unknown": forecast.unknown,
        "kind": "predicted",
    }


def _bounds(name: str, value: Estimate | None, prefix: str) -> dict[str, float | None]:
    return {
        name: None if value is None else value.value,
        f"{prefix}low": None if value is None else value.low,
        f"{prefix}high": None if value is None else value.high,
    }


def _step_time_s(curve: MeasuredCurve, fit: CurveFit, forecast: Forecast) -> float | None:
    """Return the step time: it falls with the speedup, and grows with the batch."""
    if curve.seconds is None:
        return None
    there = fit.points.at([forecast.world_size])
    work = float(there.world_size[0] * there.batch_share[0] / fit.points.place.world_size[0])
    return curve.seconds * work / forecast.speedup.value


def _candidate(fit: CurveFit, candidate: Candidate, level: float) -> dict[str, Any]:
    law, test = candidate.test.law, candidate.test
    found: dict[str, Any] = {
        "law": law.key,
        "formula": law.formula,
        "is_taken": candidate is fit.chosen,
        "num_parameters": law.num_parameters,
        "parameters": _parameters(candidate, level),
        "weight": candidate.weight,
        "leave_largest_out_error": test.forward_error,
        "leave_one_out_error": test.left_out_error,
        "largest_error": _relative(test.largest_error),
        "mean_error": candidate.mean_error,
        "worst_residual": candidate.worst_miss,
        "status": candidate.fit.status.name.lower(),
        "remedy": candidate.fit.status.value,
        "at_bound": list(candidate.fit.at_bound),
        "misfit_probability": candidate.fit.misfit_probability,
    }
    return {**found, **_usl(fit, candidate, level)} if law is usl.USL3 else found


def _usl(fit: CurveFit, candidate: Candidate, level: float) -> dict[str, Any]:
    """Return peak, limit and the split of the overhead at the largest measured world size."""
    values = candidate.fit.law.values(candidate.fit.coefficients)
    law = usl.Usl(**{name: float(value) for name, value in values.items()})
    largest = float(fit.points.place.world_size[-1])
    split = law.overhead(largest)
    peak = peak_of(candidate.fit, level)
    return {
        "peak": None if peak is None else _estimate(peak),
        "limit": law.limit,
        "overhead": {
            "world_size": largest,
            "ideal": split.ideal_frac,
            "contention": split.contention_frac,
            "coherency": split.coherency_frac,
        },
    }


def _parameters(candidate: Candidate, level: float) -> dict[str, Any]:
    return {
        p.name: {
            **_estimate(parameter_told(candidate.fit.parameter(p.name, level))),
            "unit": p.unit,
            "meaning": p.meaning,
        }
        for p in candidate.test.law.parameters
    }


def _backtest(fit: CurveFit) -> dict[str, Any]:
    """Return the errors of the law that is taken, predicted / measured - 1 by world size."""
    found: dict[str, Any] = {"law": None, "leave_largest_out": [], "leave_one_out": []}
    if fit.chosen is None:
        return found
    test = fit.chosen.test
    return {
        "law": test.law.key,
        "leave_largest_out": _errors(fit, test.forward),
        "leave_one_out": _errors(fit, test.left_out),
        "leave_largest_out_error": test.forward_error,
        "leave_one_out_error": test.left_out_error,
        "largest_error": _relative(test.largest_error),
    }


def _errors(fit: CurveFit, errors: dict[int, float]) -> list[dict[str, float | None]]:
    sizes = fit.points.place.world_size
    return [{"world_size": float(sizes[i]), "error": _relative(e)} for i, e in errors.items()]


def _relative(log_error: float | None) -> float | None:
    return None if log_error is None else math.expm1(log_error)


def _point(
    fit: CurveFit, size: float, rate: float, share: float | None, residual: float | None
) -> dict[str, Any]:
    return {
        "world_size": size,
        "throughput": rate,
        "efficiency": efficiency(fit, size, rate),
        "serial_frac": share,
        "residual": _relative(residual),
        "kind": "measured",
    }


def _estimate(value: Estimate) -> dict[str, float | None]:
    return {"value": value.value, "low": value.low, "high": value.high}


def _finite(value: Any) -> Any:
    """Return a document in which what is not finite is null, and whole world sizes are whole."""
    if isinstance(value, dict):
        return {key: _finite(x) for key, x in value.items()}
    if isinstance(value, list):
        return [_finite(x) for x in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
