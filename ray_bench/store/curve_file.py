"""Somebody's scaling curve from a CSV, Parquet or JSON file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ray_bench.errors import AnalysisError, ConfigError, CorruptDataError, MissingDataError

Quantity = Literal["throughput", "step_time_s"]

SIZE = "world_size"
QUANTITIES: tuple[Quantity, ...] = ("throughput", "step_time_s")
UNIT = "unit"
#: Repeats that differ by more are not in one unit.
_MAX_REPEAT_RATIO = 10.0
#: throughput x step time / batch may differ by so much where a file gives both.
_CONSISTENT_FRAC = 0.02

#: The first bytes of files that are often given another name.
_SIGNATURES = ((b"PAR1", "Parquet"), (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "a zip archive"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFile:
    """What a file says. Repeats of a world size are in the order of the file."""

    quantity: Quantity
    values: Mapping[int, tuple[float, ...]]  # by world size, ascending
    unit: str | None  # of the quantity, where the file has a column of that name
    step_time_s: Mapping[int, tuple[float, ...]]  # empty where the file has none


@dataclass(frozen=True, slots=True)
class _Row:
    name: str  # "line 3", "row 2": how a person finds it
    values: Mapping[str, Any]


def read_curve(path: str | Path) -> CurveFile:
    """Read a curve.

    Raises:
        ConfigError: The name does not end in .csv, .parquet or .json.
        MissingDataError: There is no such file.
        CorruptDataError: The file is not what its name says.
        AnalysisError: A column or a value is missing, or is not what it has to be.
    """
    file = Path(path).expanduser()
    reader = _READERS.get(file.suffix.lower())
    if file.is_dir():
        raise ConfigError(
            f"{file} is a folder; give a .csv, .parquet or .json file, or use `ray-bench report` "
            "for results of ray_bench."
        )
    if reader is None:
        raise ConfigError(
            f"Cannot tell the format of {file.name!r}; its name has to end in .csv, .parquet or "
            ".json."
        )
    if not file.is_file():
        raise MissingDataError(f"There is no file {file}; look for a slip in the path.")
    return _curve(reader(file), file.name)


def _curve(rows: Sequence[_Row], name: str) -> CurveFile:
    if not rows:
        raise AnalysisError(f"{name} has no rows; add one row a world size.")
    columns = list(dict.fromkeys(key for row in rows for key in row.values))
    _check_columns(columns, name)
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
    _check_same_quantity(found, given, len(rows), name)
    quantity: Quantity = "throughput" if found["throughput"] else "step_time_s"
    values = {n: tuple(found[quantity][n]) for n in sorted(found[quantity])}
    _check_repeats(values, quantity, name)
    times = {n: tuple(x) for n, x in sorted(found["step_time_s"].items())}
    return CurveFile(quantity=quantity, values=values, unit=unit, step_time_s=times)


def _check_columns(columns: Sequence[str], name: str) -> None:
    shown = ", ".join(map(str, columns)) or "none"
    if SIZE not in columns:
        raise AnalysisError(f"{name} has no column {SIZE!r}; its columns are: {shown}.")
    if not any(quantity in columns for quantity in QUANTITIES):
        raise AnalysisError(
            f"{name} has neither a column 'throughput' nor 'step_time_s'; its columns are: {shown}."
        )


def _unit(rows: Sequence[_Row], name: str) -> str | None:
    units = {str(row.values[UNIT]).strip(): row for row in rows if row.values.get(UNIT)}
    if len(units) > 1:
        last = list(units.values())[-1]
        raise AnalysisError(
            f"{name} mixes the units {' and '.join(map(repr, units))} ({last.name}); convert them "
            "to one."
        )
    return next(iter(units), None)


def _world_size(row: _Row, name: str) -> int:
    value = _number(row, SIZE, name)
    if value != math.floor(value) or value < 1:
        raise AnalysisError(
            f"{name}, {row.name}: world_size has to be a whole number of 1 or more, got {value:g}."
        )
    return int(value)


def _positive(row: _Row, column: str, name: str) -> float:
    value = _number(row, column, name)
    if not 0 < value < math.inf:
        raise AnalysisError(
            f"{name}, {row.name}: {column} has to be a number above 0, got {value:g}; leave out "
            "runs that failed."
        )
    return value


def _number(row: _Row, column: str, name: str) -> float:
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
    name: str,
) -> None:
    """Refuse a file in which some rows give one quantity and some the other."""
    counts = {q: sum(len(x) for x in found[q].values()) for q in QUANTITIES if found[q]}
    if len(counts) < 2:
        return
    if any(count < num_rows for count in counts.values()):
        first = {q: f"{q} ({given[q]})" for q in QUANTITIES}
        raise AnalysisError(
            f"{name} gives {first['throughput']} in some rows and {first['step_time_s']} in "
            "others; these are contradicting units. Give one of them in all rows."
        )
    batches = {
        n: [x * t for x, t in zip(found["throughput"][n], found["step_time_s"][n], strict=True)]
        for n in found["throughput"]
    }
    is_weak = _agree([b / n for n, x in batches.items() for b in x])
    if not is_weak and not _agree([b for x in batches.values() for b in x]):
        raise AnalysisError(
            f"{name}: throughput x step_time_s is neither the same global batch nor the same batch "
            "per worker in all rows; check the units of both, or give one of them."
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


def _read_csv(file: Path) -> list[_Row]:
    content = file.read_bytes()
    _refuse_others(content, file, "CSV")
    if content.lstrip()[:1] in (b"{", b"["):
        raise _not_what_it_says(file, "CSV", "it looks like JSON")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_what_it_says(file, "CSV", "it is not text in UTF-8") from None
    try:
        table = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(table.line_num, line) for line in table if any(cell.strip() for cell in line)]
    except csv.Error as err:
        raise _not_what_it_says(file, "CSV", str(err)) from None
    if not lines:
        raise AnalysisError(f"{file.name} is empty; it needs a header and a row a world size.")
    header = [cell.strip() for cell in lines[0][1]]
    _refuse_doubles(header, file.name)
    for number, line in lines[1:]:
        if len(line) != len(header):
            raise AnalysisError(
                f"{file.name}, line {number}: {len(line)} cells under {len(header)} columns; "
                "decimals need a point, and columns a comma."
            )
    _check_columns(header, file.name)
    return [_Row(f"line {i}", dict(zip(header, x, strict=True))) for i, x in lines[1:]]


def _refuse_doubles(header: Sequence[str], name: str) -> None:
    doubles = sorted({x for x in header if header.count(x) > 1})
    if doubles:
        raise AnalysisError(f"{name} has the column {doubles[0]!r} twice; keep one of them.")


def _read_parquet(file: Path) -> list[_Row]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(file).read()
    except (OSError, ArrowException) as err:
        raise _not_what_it_says(file, "Parquet", str(err).splitlines()[0]) from None
    _refuse_doubles(table.column_names, file.name)
    wanted = [x for x in table.column_names if x in (SIZE, *QUANTITIES, UNIT)]
    if SIZE not in wanted or not any(quantity in wanted for quantity in QUANTITIES):
        _check_columns(table.column_names, file.name)
    rows = table.select(wanted).to_pylist()
    return [_Row(f"row {i}", row) for i, row in enumerate(rows, start=1)]


def _read_json(file: Path) -> list[_Row]:
    content = file.read_bytes()
    _refuse_others(content, file, "JSON")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as err:
        raise _not_what_it_says(file, "JSON", str(err)) from None
    if isinstance(document, dict):
        document = _transposed(document, file.name)
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise AnalysisError(
            f"{file.name} has to be a list of objects, or an object of lists: "
            '{"world_size": [1, 2], "throughput": [100, 190]}.'
        )
    return [_Row(f"row {i}", row) for i, row in enumerate(document, start=1)]


def _transposed(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    _check_columns(list(document), name)
    lists = {k: v for k, v in document.items() if k in (SIZE, *QUANTITIES) and v is not None}
    lengths = {k: len(v) if isinstance(v, list) else None for k, v in lists.items()}
    if None in lengths.values() or len(set(lengths.values())) > 1:
        shown = ", ".join(f"{k}: {'no list' if n is None else n}" for k, n in lengths.items())
        raise AnalysisError(f"{name}: the lists have to be equally long, got {shown}.")
    unit = document.get(UNIT)
    rows = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    return [{**row, UNIT: unit} for row in rows] if isinstance(unit, str) else rows


def _refuse_others(content: bytes, file: Path, wanted: str) -> None:
    for start, kind in _SIGNATURES:
        if content.startswith(start):
            raise _not_what_it_says(file, wanted, f"it is {kind}")


def _not_what_it_says(file: Path, wanted: str, why: str) -> CorruptDataError:
    return CorruptDataError(
        f"{file.name} is not {wanted}, as its name says: {why.rstrip('.')}. Rename or convert it."
    )


_READERS: dict[str, Callable[[Path], list[_Row]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
}
