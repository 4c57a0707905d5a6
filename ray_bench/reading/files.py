"""From the files that are named on the command line to one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray_bench.errors import AnalysisError, ConfigError, MissingDataError
from ray_bench.reading.delimited import read_text_table
from ray_bench.reading.excel import read_excel_table
from ray_bench.reading.json_rows import read_json_table
from ray_bench.reading.logs import read_log
from ray_bench.reading.parquet import read_parquet_table
from ray_bench.reading.synonyms import Meaning, meaning_of
from ray_bench.reading.table import Table, table_of_dicts
from ray_bench.reading.text import content_of, not_what_it_says, text_of

#: Columns that this program adds where several files are given.
FILE, NAME, SIZE = "file", "name", "world_size"
KINDS = "a table (.csv, .tsv, .xlsx, .json, .jsonl, .parquet, .md) or a training log"
_LOG_NAMES = {"samples_per_s": "samples/s (total)", "tokens_per_s": "tokens/s (total)"}
_HEAD_CHARACTERS = 200_000
_MAX_NOTES = 8  # about the runs of a log: which of its lines count
_MAX_JSON_BYTES = 64_000_000  # a document takes ten times as much memory


def read_tables(arguments: Sequence[str], sheet: str | None = None) -> Table:
    """Return the rows of all files as one table.

    Args:
        arguments: FILE, N=FILE where a file does not tell its world size, or NAME=FILE.
        sheet: Of Excel files; None takes the only one with a table.
    """
    found = [_labelled(argument, sheet) for argument in arguments]
    return found[0] if len(found) == 1 else _joined(found, arguments)


def _labelled(argument: str, sheet: str | None) -> Table:
    label, path = _split(argument)
    table = read_table(path, sheet)
    if label is None:
        return table
    is_size = re.fullmatch(r"\d+([xX]\d+)?", label) is not None
    column = SIZE if is_size else NAME
    if column in table.columns and is_size:
        raise ConfigError(
            f"{argument!r} gives a world size, but {table.name} has a column 'world_size' itself; "
            "leave one of them out."
        )
    return replace(table, columns={column: [label] * table.num_rows, **table.columns})


def _split(argument: str) -> tuple[str | None, Path]:
    """Return the label before a file, if there is one, and the file."""
    path = Path(argument).expanduser()
    label, sign, rest = argument.partition("=")
    if not sign or path.exists():
        return None, path
    return label.strip(), Path(rest).expanduser()


def _joined(tables: Sequence[Table], arguments: Sequence[str]) -> Table:
    """Return the rows of several tables under each other; the column `file` tells them apart."""
    tables = _alike(tables)
    names = list(dict.fromkeys(key for table in tables for key in table.columns))
    columns: dict[str, list[object]] = {name: [] for name in names}
    rows: list[str] = []
    files: list[str] = []
    for table, argument in zip(tables, arguments, strict=True):
        for name in names:
            columns[name] += table.columns.get(name) or [None] * table.num_rows
        rows += [f"{table.name}, {row}" for row in table.rows]
        files += [str(_split(argument)[1])] * table.num_rows
    columns.setdefault(FILE, list(files))
    notes = tuple(note for table in tables for note in table.notes)
    delimiters = {table.delimiter for table in tables}
    return Table(
        name=f"{len(tables)} files",
        columns=columns,
        rows=rows,
        delimiter=delimiters.pop() if len(delimiters) == 1 else None,
        notes=notes,
    )


def _alike(tables: Sequence[Table]) -> list[Table]:
    """Return tables in which columns of one meaning have one name: `gpus` in one, `GPUs` in two."""
    first: dict[Meaning, str] = {}
    found = []
    for table in tables:
        names = {x: x for x in table.columns}
        for column in table.columns:
            meaning = meaning_of(column)
            if meaning is None or meaning.role in ("measured", "amount"):
                continue
            name = first.setdefault(meaning, column)
            if name not in table.columns:
                names[column] = name
        columns = {names[x]: y for x, y in table.columns.items()}
        if len(columns) == len(names):
            table = replace(table, columns=columns)
        found.append(table)
    return found


def read_table(file: Path, sheet: str | None = None) -> Table:
    """Return the table of a file.

    Raises:
        ConfigError: It is a folder, or its name tells of no format that is read.
        MissingDataError: There is no such file.
        CorruptDataError: The file is not what its name says.
        AnalysisError: It is no table.
    """
    if file.is_dir():
        raise ConfigError(
            f"{file} is a folder; give {KINDS}, or use `ray-bench report` for results of ray_bench."
        )
    suffix = file.suffix.lower()
    if suffix not in _READERS and suffix not in (".xlsx", ".xlsm"):
        raise ConfigError(
            f"Cannot tell the format of {file.name!r}; its name has to end in "
            f"{', '.join([*_READERS, '.xlsx'][1:-1])} or .xlsx."
        )
    if not file.is_file():
        raise MissingDataError(f"There is no file {file}; look for a slip in the path.")
    if suffix in (".xlsx", ".xlsm"):
        return read_excel_table(file, sheet)
    return _READERS[suffix](file)


def _read_csv(file: Path) -> Table:
    text = text_of(content_of(file), file.name, "CSV")
    if text.lstrip()[:1] in ("{", "["):
        raise not_what_it_says(file.name, "CSV", "it looks like JSON")
    return read_text_table(text, file.name)


def _read_json(file: Path) -> Table:
    text = text_of(content_of(file, _MAX_JSON_BYTES), file.name, "JSON")
    runs = read_log(text[:_HEAD_CHARACTERS], file)
    if runs is not None:
        return _log_table(file.name, runs)
    return read_json_table(text, file.name)


def _read_text(file: Path) -> Table:
    """Return the runs of a log, or the table that a text holds."""
    with file.open("rb") as stream:  # a log may be larger than any table
        head = stream.read(_HEAD_CHARACTERS).decode("utf-8", errors="replace")
    runs = read_log(head, file)
    if runs is not None:
        return _log_table(file.name, runs)
    text = text_of(content_of(file), file.name, "text")
    if text.lstrip()[:1] in ("{", "["):
        return read_json_table(text, file.name)
    table = read_text_table(text, file.name)
    if len(table.columns) < 2:
        raise AnalysisError(f"{file.name} is no table and no log of a kind that is known.")
    return table


def _log_table(name: str, runs: list[dict[str, Any]]) -> Table:
    """Return the runs of a log; its rates are those of all workers, which their names must say."""
    named = [{_LOG_NAMES.get(key, key): value for key, value in run.items()} for run in runs]
    notes = list(dict.fromkeys(f"{run['source']}: {run['note'].rstrip('.')}" for run in runs))
    more = [f"{len(notes) - _MAX_NOTES} more runs are alike"] if len(notes) > _MAX_NOTES else []
    table = table_of_dicts(name, named, "run")
    return replace(table, notes=(*table.notes, *notes[:_MAX_NOTES], *more))


_READERS: dict[str, Callable[[Path], Table]] = {
    "": _read_text,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".tab": _read_csv,
    ".dat": _read_text,
    ".txt": _read_text,
    ".log": _read_text,
    ".out": _read_text,
    ".md": _read_text,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".parquet": read_parquet_table,
}
