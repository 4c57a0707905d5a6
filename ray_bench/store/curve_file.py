"""Somebody's scaling curve from a CSV, Parquet or JSON file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ray_bench.errors import AnalysisError
from ray_bench.store.curve_rows import (
    BATCHES,
    GLOBAL_BATCH,
    QUANTITIES,
    SIZE,
    UNIT,
    Quantity,
    Row,
    check_columns,
    read_rows,
)

#: Repeats that differ by more are not in one unit.
_MAX_REPEAT_RATIO = 10.0
#: throughput x step time / batch may differ by so much where a file gives both.
_CONSISTENT_FRAC = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFile:
    """What a file says. Repeats of a world size are in the order of the file."""

    quantity: Quantity
    values: Mapping[int, tuple[float, ...]]  # by world size, ascending
    unit: str | None  # of the quantity, where the file has a column of that name
    step_time_s: Mapping[int, tuple[float, ...]]  # empty where the file has none
    local_batch_size: Mapping[int, float]  # samples of a worker and step; empty: the file has none


def read_curve(path: str | Path) -> CurveFile:
    """Read a curve.

    Raises:
        ConfigError: The name does not end in .csv, .parquet or .json.
        MissingDataError: There is no such file.
        CorruptDataError: The file is not what its name says.
        AnalysisError: A column or a value is missing, or is not what it has to be.
    """
    file = Path(path).expanduser()
    return _curve(read_rows(file), file.name)


def _curve(rows: Sequence[Row], name: str) -> CurveFile:
    if not rows:
        raise AnalysisError(f"{name} has no rows; add one row a world size.")
    columns = list(dict.fromkeys(key for row in rows for key in row.values))
    check_columns(columns, name)
    unit = _unit(rows, name) if UNIT in columns else None
    found: dict[Quantity, dict[int, list[float]]] = {quantity: {} for quantity in QUANTITIES}
    given: dict[Quantity, str] = {}
    for row in rows:
        size = _world_size(row, name)
        here = [q for q in QUANTITIES if not _is_empty(row.values.get(q))]
        if not here:
            raise AnalysisError(f"{name}, {row.name}: there is neither throughput nor step_time_s.")
        for kind in here:
            found[kind].setdefault(size, []).append(_positive(row, kind, name))
            given.setdefault(kind, row.name)
    batches = _local_batches(rows, name)
    _check_same_quantity(found, given, len(rows), batches, name)
    quantity: Quantity = "throughput" if found["throughput"] else "step_time_s"
    values = {n: tuple(found[quantity][n]) for n in sorted(found[quantity])}
    _check_repeats(values, quantity, name)
    times = {n: tuple(x) for n, x in sorted(found["step_time_s"].items())}
    return CurveFile(
        quantity=quantity, values=values, unit=unit, step_time_s=times, local_batch_size=batches
    )


def _unit(rows: Sequence[Row], name: str) -> str | None:
    units = {str(row.values[UNIT]).strip(): row for row in rows if row.values.get(UNIT)}
    if len(units) > 1:
        last = list(units.values())[-1]
        raise AnalysisError(
            f"{name} mixes the units {' and '.join(map(repr, units))} ({last.name}); convert them "
            "to one."
        )
    return next(iter(units), None)


def _local_batches(rows: Sequence[Row], name: str) -> dict[int, float]:
    """Return the batch of a worker by world size, of which there has to be one each."""
    given = [x for x in BATCHES if not all(_is_empty(row.values.get(x)) for row in rows)]
    found: dict[int, float] = {}
    for row in rows if given else ():
        size = _world_size(row, name)
        batch = _local_batch(row, size, given, name)
        first = found.setdefault(size, batch)
        if not _agree([first, batch]):
            raise AnalysisError(
                f"{name}, {row.name}: world size {size} has {batch:g} samples a worker here and "
                f"{first:g} before; these are two curves, give each in a file of its own."
            )
    return dict(sorted(found.items()))


def _local_batch(row: Row, size: int, given: Sequence[str], name: str) -> float:
    values = {x: _positive(row, x, name) / (size if x == GLOBAL_BATCH else 1) for x in given}
    if not _agree(list(values.values())):
        raise AnalysisError(
            f"{name}, {row.name}: global_batch_size is not {size} x local_batch_size; correct one "
            "of them, or leave it out."
        )
    return values[given[0]]


def _world_size(row: Row, name: str) -> int:
    value = _number(row, SIZE, name)
    if value != math.floor(value) or value < 1:
        raise AnalysisError(
            f"{name}, {row.name}: world_size has to be a whole number of 1 or more, got {value:g}."
        )
    return int(value)


def _positive(row: Row, column: str, name: str) -> float:
    value = _number(row, column, name)
    if not 0 < value < math.inf:
        raise AnalysisError(
            f"{name}, {row.name}: {column} has to be a number above 0, got {value:g}; leave out "
            "runs that failed."
        )
    return value


def _number(row: Row, column: str, name: str) -> float:
    value = row.values.get(column)
    try:
        if isinstance(value, bool) or _is_empty(value):
            raise ValueError
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        shown = "nothing" if _is_empty(value) else repr(value)
        raise AnalysisError(
            f"{name}, {row.name}: {column} has to be a number, got {shown}."
        ) from None


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _check_same_quantity(
    found: Mapping[Quantity, Mapping[int, Sequence[float]]],
    given: Mapping[Quantity, str],
    num_rows: int,
    local_batch_size: Mapping[int, float],
    name: str,
) -> None:
    """Refuse a file in which rows give different quantities, or two that do not fit together."""
    counts = {q: sum(len(x) for x in found[q].values()) for q in QUANTITIES if found[q]}
    if len(counts) < 2:
        return
    if any(count < num_rows for count in counts.values()):
        first = {q: f"{q} ({given[q]})" for q in QUANTITIES}
        raise AnalysisError(
            f"{name} gives {first['throughput']} in some rows and {first['step_time_s']} in "
            "others; these are contradicting units. Give one of them in all rows."
        )
    rates, times = found["throughput"], found["step_time_s"]
    seen = {n: [x * t / n for x, t in zip(rates[n], times[n], strict=True)] for n in rates}
    if local_batch_size:
        if not all(_agree([local_batch_size[n], x]) for n, values in seen.items() for x in values):
            raise AnalysisError(
                f"{name}: throughput x step_time_s is not the batch that is given; check the units "
                "of all three, or leave one of them out."
            )
        return
    is_weak = _agree([x for values in seen.values() for x in values])
    if not is_weak and not _agree([n * x for n, values in seen.items() for x in values]):
        raise AnalysisError(
            f"{name}: throughput x step_time_s is neither the same global batch nor the same batch "
            "per worker in all rows; check the units of both, or give the batch in a column "
            "global_batch_size or local_batch_size."
        )


def _agree(values: Sequence[float]) -> bool:
    return max(values) <= min(values) * (1 + _CONSISTENT_FRAC)


def _check_repeats(values: Mapping[int, Sequence[float]], quantity: str, name: str) -> None:
    for size, repeats in values.items():
        ratio = max(repeats) / min(repeats)
        if ratio > _MAX_REPEAT_RATIO:
            raise AnalysisError(
                f"{name}: repeats of world size {size} differ by a factor of {ratio:.3g} "
                f"({quantity} {min(repeats):g} and {max(repeats):g}); are they in one unit?"
            )
