"""A table as it is in a file: named columns of cells, and rows that a person can find again."""

from __future__ import annotations

import re
import shlex
import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from ray_bench.errors import AnalysisError

#: More columns are no table of runs.
MAX_COLUMNS = 2_000
#: More rows are no table of runs either; each is some hundred bytes of memory.
MAX_ROWS = 2_000_000
_SHOWN_CHARACTERS = 40
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # colours and moves of a terminal
_SHOWN_NAMES = 12

Cell = str | int | float | bool | None


class Numbered(Sequence[str]):
    """Names of rows that are made when they are asked for: 'line 3'."""

    def __init__(self, word: str, numbers: Iterable[int]) -> None:
        self._word = word
        self._numbers = array("q", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [f"{self._word} {x}" for x in self._numbers[index]]
        return f"{self._word} {self._numbers[index]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns of equal length. Cells are text, numbers, truth values, or None for nothing."""

    name: str  # of the file, as messages call it
    columns: Mapping[str, list[Any]]  # by header, printable and unique
    rows: Sequence[str]  # "line 3", "sheet Runs, row 2": how a person finds a row
    delimiter: str | None = None  # of a text file
    notes: tuple[str, ...] = field(default=())

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(self.rows)

    def where(self, row: int) -> str:
        """Return where a row is, for a message."""
        return f"{self.name}, {self.rows[row]}"

    @property
    def shown_columns(self) -> str:
        """The headers, for a message."""
        return listed(list(self.columns))


def table_of(
    name: str,
    header: Sequence[object],
    lines: Sequence[Sequence[Any]],
    rows: Sequence[str],
    delimiter: str | None = None,
) -> Table:
    """Return the table of a header and lines of as many cells.

    Raises:
        AnalysisError: There are too many columns or rows, or two columns of one name.
    """
    names = headers(header, name)
    check_num_rows(len(lines), name)
    columns: dict[str, list[Any]] = {}
    for index, column in enumerate(names):
        columns[column] = [line[index] for line in lines]
    return Table(name=name, columns=columns, rows=rows, delimiter=delimiter)


def table_of_dicts(name: str, runs: Sequence[Mapping[str, Any]], word: str = "row") -> Table:
    """Return the table of one mapping a row; a key that a row has not is nothing there."""
    check_num_rows(len(runs), name)
    keys = list(dict.fromkeys(key for run in runs for key in run))
    names = headers(keys, name)
    columns = {
        shown: [run.get(key) for run in runs] for key, shown in zip(keys, names, strict=True)
    }
    return Table(name=name, columns=columns, rows=Numbered(word, range(1, len(runs) + 1)))


def headers(cells: Sequence[object], name: str) -> list[str]:
    """Return printable names of columns, each once; one without a name has its number."""
    if len(cells) > MAX_COLUMNS:
        raise AnalysisError(
            f"{name} has {len(cells)} columns; a table of runs has at most {MAX_COLUMNS}. Is it "
            "the right file?"
        )
    found = [
        printable(str("" if x is None else x)) or f"column {i}" for i, x in enumerate(cells, 1)
    ]
    doubles = sorted({x for x in found if found.count(x) > 1})
    if doubles:
        raise AnalysisError(f"{name} has the column {doubles[0]!r} twice; keep one of them.")
    return found


def check_num_rows(count: int, name: str) -> None:
    """Refuse more rows than fit in memory."""
    if count > MAX_ROWS:
        raise AnalysisError(
            f"{name} has more than {MAX_ROWS} rows; give the mean of each world size instead."
        )


def printable(text: str) -> str:
    """Return text on one line without control characters, which a terminal would obey."""
    if text.isprintable() and text.split(" ") == text.split():
        return text
    text = _ESCAPE.sub("", text)
    kept = (
        " " if ch.isspace() else ch
        for ch in text
        if ch.isspace() or not unicodedata.category(ch).startswith("C")
    )
    return " ".join("".join(kept).split())


def counted(count: int, word: str) -> str:
    """Return `1 worker`, `2 workers`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def is_empty(cell: object) -> bool:
    """Whether nothing is in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def shown(cell: object) -> str:
    """Return a cell for a message: short, and without characters that a terminal would obey."""
    if is_empty(cell):
        return "nothing"
    text = repr(cell) if isinstance(cell, str) else f"{cell}"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def options(name: str, *values: str) -> str:
    """Return options as they are typed in a shell: `--column 'world_size=# GPUs'`, with 'or'."""
    return " or ".join(f"{name} {shlex.quote(printable(value))}" for value in values)


def listed(names: Sequence[object]) -> str:
    """Return names for a message, not all of them where they are many."""
    words = [printable(str(x))[:_SHOWN_CHARACTERS] or "(blank)" for x in names[:_SHOWN_NAMES]]
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return (", ".join(words) or "none") + more
