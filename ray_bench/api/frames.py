"""Results as pandas data frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ray_bench.analysis.fit.choose import Candidate
from ray_bench.analysis.predict import Prediction, predictions_at
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.study import Study
from ray_bench.report.cells import Table
from ray_bench.stats.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_BOUNDS = ("low", "high")


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame; an unknown number is NaN, other unknowns are None."""
    return table.to_pandas()


def frame_of_table(table: Table) -> pd.DataFrame:
    """Return a table of the report as a frame.

    A column with intervals has two more, `_low` and `_high`. `attrs` has the title, the notes, and
    the unit of every column that has one.
    """
    found: dict[str, list[Any]] = {}
    units: dict[str, str] = {}
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        unit = next((cell.unit for cell in cells if cell.unit is not None), None)
        if unit is not None:
            units[column.key] = unit
        unknown = None if unit is None else math.nan
        found[column.key] = [unknown if cell.value is None else cell.value for cell in cells]
        if any(cell.low is not None for cell in cells):
            found |= {
                f"{column.key}_{x}": [_or_nan(getattr(cell, x)) for cell in cells] for x in _BOUNDS
            }
    frame = _frame(found)
    frame.attrs |= {"title": table.title, "notes": list(table.notes), "units": units}
    return frame


def speedups(studies: Sequence[Study]) -> pd.DataFrame:
    """Return a row for every curve and world size."""
    columns = ["curve", "world_size", "num_runs", "ideal_speedup"]
    columns += _names("throughput", "_samples_per_s") + _names("speedup")
    columns += _names("efficiency", "_frac") + _names("serial", "_frac")
    return _rows(columns, (_speedup(i, x, row) for i, x in _numbered(studies) for row in x.rows))


def _speedup(number: int, study: Study, row: ScalingRow) -> dict[str, Any]:
    return {
        "curve": number,
        "world_size": row.world_size,
        "num_runs": len(study.runs_at(row.world_size)),
        "ideal_speedup": row.ideal_speedup,
        **_estimate("throughput", row.throughput, "_samples_per_s"),
        **_estimate("speedup", row.speedup),
        **_estimate("efficiency", row.efficiency_frac, "_frac"),
        **_estimate("serial", row.serial_frac, "_frac"),
    }


def fits(studies: Sequence[Study]) -> pd.DataFrame:
    """Return a row for every curve and law, the largest weight first."""
    columns = ["curve", "law", "formula", "is_chosen", "weight_frac", "smaller_sizes_error_frac"]
    columns += ["other_sizes_error_frac", "status", "parameters"]
    found = (
        _fit(number, candidate, candidate is study.fit.chosen)
        for number, study in _numbered(studies)
        if study.fit is not None
        for candidate in study.fit.candidates
    )
    return _rows(columns, found)


def _fit(number: int, candidate: Candidate, is_chosen: bool) -> dict[str, Any]:
    """Return a law; errors are means of |predicted / measured - 1| at points left out of it."""
    test = candidate.test
    values = test.law.values(candidate.fit.coefficients)
    return {
        "curve": number,
        "law": test.law.key,
        "formula": test.law.formula,
        "is_chosen": is_chosen,
        "weight_frac": candidate.weight,
        "smaller_sizes_error_frac": _or_nan(test.forward_error),
        "other_sizes_error_frac": _or_nan(test.left_out_error),
        "status": candidate.fit.status.name.lower(),
        "parameters": {name: float(value) for name, value in values.items()},
    }


def predictions(studies: Sequence[Study], world_sizes: Sequence[int] | None) -> pd.DataFrame:
    """Return a row for every curve and world size that can be predicted."""
    columns = ["curve", "world_size", "batch_per_worker", "crosses_boundary"]
    columns += _names("throughput", "_samples_per_s") + _names("speedup")
    columns += _names("efficiency", "_frac") + _names("measured_speedup")
    found = (
        _prediction(number, study, prediction)
        for number, study in _numbered(studies)
        for prediction in _at(study, world_sizes)
        if prediction.throughput is not None
    )
    return _rows(columns, found)


def _at(study: Study, world_sizes: Sequence[int] | None) -> tuple[Prediction, ...]:
    if study.fit is None or world_sizes is None:
        return study.predictions
    return predictions_at(world_sizes, study.fit, study.rows, study.scaling, study.batch_size)


def _prediction(number: int, study: Study, prediction: Prediction) -> dict[str, Any]:
    size = prediction.world_size
    return {
        "curve": number,
        "world_size": size,
        "batch_per_worker": prediction.batch_per_worker,
        "crosses_boundary": study.fit is not None and study.fit.crosses_boundary(size),
        **_estimate("throughput", prediction.throughput, "_samples_per_s"),
        **_estimate("speedup", prediction.speedup),
        **_estimate("efficiency", prediction.efficiency_frac, "_frac"),
        **_estimate("measured_speedup", prediction.measured_speedup),
    }


def _numbered(studies: Sequence[Study]) -> list[tuple[int, Study]]:
    return list(enumerate(studies, start=1))


def _names(name: str, unit: str = "") -> tuple[str, ...]:
    return (f"{name}{unit}", *(f"{name}_{bound}{unit}" for bound in _BOUNDS))


def _estimate(name: str, value: Estimate | None, unit: str = "") -> dict[str, float]:
    parts = (None,) * 3 if value is None else (value.value, value.low, value.high)
    return dict(zip(_names(name, unit), map(_or_nan, parts), strict=True))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _rows(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    found = list(rows)
    return _frame({name: [row[name] for row in found] for name in columns})


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)
