"""Rows of a table with a scaling curve, from a CSV, Parquet or JSON file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ray_bench.errors import AnalysisError, ConfigError, CorruptDataError, MissingDataError

Quantity = Literal["throughput", "step_time_s"]

SIZE = "world_size"
QUANTITIES: tuple[Quantity, ...] = ("throughput", "step_time_s")
UNIT = "unit"
#: Samples of a step, of all workers or of one; a file may have either, or both.
GLOBAL_BATCH = "global_batch_size"
BATCHES = (GLOBAL_BATCH, "local_batch_size")
_KNOWN = (SIZE, *QUANTITIES, UNIT, *BATCHES)

#: The first bytes of files that are often given another name.
_SIGNATURES = ((b"PAR1", "Parquet"), (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "a zip archive"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is in the file."""

    name: str  # "line 3", "row 2": how a person finds it
    values: Mapping[str, Any]


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a file.

    Raises:
        ConfigError: The name does not end in .csv, .parquet or .json.
        MissingDataError: There is no such file.
        CorruptDataError: The file is not what its name says.
        AnalysisError: A column is missing, or the rows are no table.
    """
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
    return reader(file)


def check_columns(columns: Sequence[str], name: str) -> None:
    """Refuse a table without world sizes, or without anything that was measured."""
    shown = ", ".join(map(str, columns)) or "none"
    if SIZE not in columns:
        raise AnalysisError(f"{name} has no column {SIZE!r}; its columns are: {shown}.")
    if not any(quantity in columns for quantity in QUANTITIES):
        raise AnalysisError(
            f"{name} has neither a column 'throughput' nor 'step_time_s'; its columns are: {shown}."
        )


def _read_csv(file: Path) -> list[Row]:
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
    check_columns(header, file.name)
    return [Row(f"line {i}", dict(zip(header, x, strict=True))) for i, x in lines[1:]]


def _refuse_doubles(header: Sequence[str], name: str) -> None:
    doubles = sorted({x for x in header if header.count(x) > 1})
    if doubles:
        raise AnalysisError(f"{name} has the column {doubles[0]!r} twice; keep one of them.")


def _read_parquet(file: Path) -> list[Row]:
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.ParquetFile(file).read()
    except (OSError, ArrowException) as err:
        raise _not_what_it_says(file, "Parquet", str(err).splitlines()[0]) from None
    _refuse_doubles(table.column_names, file.name)
    wanted = [x for x in table.column_names if x in _KNOWN]
    if SIZE not in wanted or not any(quantity in wanted for quantity in QUANTITIES):
        check_columns(table.column_names, file.name)
    rows = table.select(wanted).to_pylist()
    return [Row(f"row {i}", row) for i, row in enumerate(rows, start=1)]


def _read_json(file: Path) -> list[Row]:
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
    return [Row(f"row {i}", row) for i, row in enumerate(document, start=1)]


def _transposed(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of an object of lists; unit and batch may be one value for all rows."""
    check_columns(list(document), name)
    known = {k: v for k, v in document.items() if k in _KNOWN and v is not None}
    shared = {k: v for k, v in known.items() if k in (UNIT, *BATCHES) and not isinstance(v, list)}
    lists = {k: v for k, v in known.items() if k not in shared}
    lengths = {k: len(v) if isinstance(v, list) else None for k, v in lists.items()}
    if None in lengths.values() or len(set(lengths.values())) > 1:
        shown = ", ".join(f"{k}: {'no list' if n is None else n}" for k, n in lengths.items())
        raise AnalysisError(f"{name}: the lists have to be equally long, got {shown}.")
    rows = (dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True))
    return [{**row, **shared} for row in rows]


def _refuse_others(content: bytes, file: Path, wanted: str) -> None:
    for start, kind in _SIGNATURES:
        if content.startswith(start):
            raise _not_what_it_says(file, wanted, f"it is {kind}")


def _not_what_it_says(file: Path, wanted: str, why: str) -> CorruptDataError:
    return CorruptDataError(
        f"{file.name} is not {wanted}, as its name says: {why.rstrip('.')}. Rename or convert it."
    )


_READERS: dict[str, Callable[[Path], list[Row]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
}
