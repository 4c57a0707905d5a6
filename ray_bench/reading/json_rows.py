"""Tables in JSON: a list of runs, JSON Lines, an object of lists or of runs, nested as they are."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from ray_bench.errors import AnalysisError
from ray_bench.reading.sizes import size_of
from ray_bench.reading.synonyms import meaning_of
from ray_bench.reading.table import Numbered, Table, check_num_rows, headers, table_of_dicts
from ray_bench.reading.text import not_what_it_says

#: Deeper objects are no run; the deepest that people write is about four.
_MAX_DEPTH = 12
_EXAMPLE = '{"world_size": [1, 2], "throughput": [100, 190]}'


def read_json_table(text: str, name: str) -> Table:
    """Return the table of a JSON text.

    Raises:
        CorruptDataError: It is not JSON.
        AnalysisError: It holds no runs.
    """
    try:
        document = json.loads(text)
    except ValueError as err:
        return _json_lines(text, name, err)
    except RecursionError:
        raise not_what_it_says(name, "JSON with runs", "it is nested too deeply") from None
    return table_of_dicts(name, [_flat(x, name) for x in _runs(document, name)])


def _json_lines(text: str, name: str, whole: ValueError) -> Table:
    columns: dict[str, list[Any]] = {}
    numbers: list[int] = []
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        row = _line(line, number, len(numbers), name, whole)
        for key, value in row.items():
            if key not in columns:
                columns[key] = [None] * len(numbers)
            columns[key].append(value)
        numbers.append(number)
        for column in columns.values():
            if len(column) < len(numbers):
                column.append(None)
        check_num_rows(len(numbers), name)
    shown = headers([*columns], name)
    return Table(
        name=name,
        columns=dict(zip(shown, columns.values(), strict=True)),
        rows=Numbered("line", numbers),
    )


def _line(line: str, number: int, before: int, name: str, whole: ValueError) -> dict[str, Any]:
    """Return the run of a line.

    Args:
        line: Its text.
        number: Of the line.
        before: How many lines were read.
        name: Of the file.
        whole: Why the file as a whole is no JSON.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        if before < 2:  # not a line for every run; then the first message tells more
            raise not_what_it_says(name, "JSON", _why(whole)) from None
        raise not_what_it_says(
            name, "JSON Lines", f"line {number} is not JSON (is it cut off?)"
        ) from None
    if not isinstance(row, dict):
        raise AnalysisError(f"{name}, line {number}: every line has to be an object, one a run.")
    if any(isinstance(x, dict | list) for x in row.values()):
        return _flat(row, name)
    return row


def _why(error: ValueError) -> str:
    """Return why a text is no JSON; Python tells of long numbers in words for programmers."""
    return "a number has thousands of digits" if "digits" in str(error) else str(error)


def _runs(document: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the runs, wherever in the document they are."""
    if isinstance(document, list) and document and all(isinstance(x, dict) for x in document):
        return document
    if isinstance(document, dict):
        return _of_object(document, name)
    raise AnalysisError(f"{name} has to be a list of objects, or an object of lists: {_EXAMPLE}.")


def _of_object(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    lists = {k: v for k, v in document.items() if isinstance(v, list)}
    plain = {k: v for k, v in document.items() if not isinstance(v, list | dict)}
    tables = [v for v in lists.values() if v and all(isinstance(x, dict) for x in v)]
    columns = {k: v for k, v in lists.items() if v and not any(isinstance(x, dict) for x in v)}
    if len(tables) == 1 and "world_size" not in plain and not columns:
        return [{**plain, **row} for row in tables[0]]
    children = {k: v for k, v in document.items() if isinstance(v, dict)}
    if set(document) >= {"columns", "data"} and _is_grid(document["columns"], document["data"]):
        header = [str(x) for x in document["columns"]]
        return [dict(zip(header, row, strict=True)) for row in document["data"]]
    are_columns = len({tuple(x) for x in children.values()}) == 1 and not lists
    if len(children) >= 2 and are_columns and any(meaning_of(x) for x in children):
        return _turned(children, plain)
    if len(columns) >= 2 and not children:
        return _transposed(columns, plain, name)
    if len(children) >= 2 and not lists and _are_alike(list(children.values())):
        is_size = all(size_of(key) is not None for key in children)
        column = "world_size" if is_size else "name"
        return [{**plain, column: key, **row} for key, row in children.items()]
    return [document]


def _is_grid(columns: Any, data: Any) -> bool:
    """Whether pandas wrote it with orient="split"."""
    is_list = isinstance(columns, list) and isinstance(data, list)
    return is_list and all(isinstance(x, list) and len(x) == len(columns) for x in data)


def _turned(
    columns: Mapping[str, Mapping[str, Any]], shared: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the rows of an object of columns, each an object of cells, as pandas writes it."""
    rows = dict.fromkeys(key for column in columns.values() for key in column)
    return [{**{name: cells.get(key) for name, cells in columns.items()}, **shared} for key in rows]


def _are_alike(runs: list[Mapping[str, Any]]) -> bool:
    """Whether objects are runs of one kind: each has more than half of all keys."""
    keys = set().union(*runs)
    return bool(keys) and all(len(x) * 2 > len(keys) for x in runs)


def _transposed(
    lists: Mapping[str, list[Any]], shared: Mapping[str, Any], name: str
) -> list[Mapping[str, Any]]:
    """Return the rows of an object of lists; what is not a list holds for all of them."""
    if len({len(x) for x in lists.values()}) > 1:
        counts = ", ".join(f"{k}: {len(v)}" for k, v in lists.items())
        raise AnalysisError(f"{name}: the lists have to be equally long, got {counts}.")
    rows = (dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True))
    return [{**row, **shared} for row in rows]


def _flat(run: Mapping[str, Any], name: str, before: str = "", depth: int = 0) -> dict[str, Any]:
    """Return a run with dots for its groups; lists in it are no cells and are left out."""
    if depth > _MAX_DEPTH:
        raise AnalysisError(f"{name} is nested more than {_MAX_DEPTH} deep; give one object a run.")
    found: dict[str, Any] = {}
    for key, value in run.items():
        if isinstance(value, dict):
            found |= _flat(value, name, f"{before}{key}.", depth + 1)
        elif not isinstance(value, list):
            found[f"{before}{key}"] = value
    return found
