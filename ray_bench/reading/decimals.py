"""Which of point and comma is the decimal mark: decided for a file as a whole, never a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ray_bench.errors import AnalysisError
from ray_bench.reading.table import Table, shown

Mark = Literal["point", "comma"]

_NUMBER = re.compile(r"[~\u2248]?[+-]?(\d[\d.,'\u2019 \u00a0\u202f]*)")
_GROUPS = r"\d{1,3}(?:%s\d{3})+"
_MAX_CELLS = 20_000  # of a column; a cell beyond that denies the decision is an error anyway


@dataclass(frozen=True, slots=True)
class Evidence:
    """A cell, and the marks with which it can be read."""

    cell: str
    where: str
    marks: frozenset[Mark]


def decimal_mark(table: Table, columns: Iterable[str]) -> Mark | None:
    """Return the decimal mark that some columns have; None where both readings are possible.

    Without a cell that tells, points are decimals in all files but those with semicolons.

    Raises:
        AnalysisError: Cells tell different marks.
    """
    proofs: dict[Mark, Evidence] = {}
    open_cell = None
    for found in _evidence(table, columns):
        if len(found.marks) == 1:
            proofs.setdefault(next(iter(found.marks)), found)
        elif open_cell is None or "," in found.cell:
            open_cell = found
    if len(proofs) > 1:
        first, second = proofs["point"], proofs["comma"]
        raise AnalysisError(
            f"{table.name}: {first.cell!r} ({first.where}) has a decimal point and "
            f"{second.cell!r} ({second.where}) a decimal comma; write both alike."
        )
    if proofs:
        return next(iter(proofs))
    is_doubtful = open_cell is not None and ("," in open_cell.cell or table.delimiter == ";")
    return None if is_doubtful else "point"


def doubtful(table: Table, columns: Iterable[str]) -> AnalysisError:
    """Return the error of a file in which both readings are possible."""
    found = next(x for x in _evidence(table, columns) if len(x.marks) == 2)
    small, large = found.cell.replace(",", "."), re.sub(r"[.,]", "", found.cell)
    return AnalysisError(
        f"{table.name}, {found.where}: {shown(found.cell)} is {small} or {large}; give --decimal "
        f"{'comma' if ',' in found.cell else 'point'} for {small}, --decimal "
        f"{'point' if ',' in found.cell else 'comma'} for {large}."
    )


def _evidence(table: Table, columns: Iterable[str]) -> Iterator[Evidence]:
    for name in columns:
        seen = set()
        for row, cell in enumerate(table.columns[name][:_MAX_CELLS]):
            if not isinstance(cell, str) or cell in seen or not ("," in cell or "." in cell):
                continue
            seen.add(cell)
            match = _NUMBER.match(cell.strip())
            digits = match[1].rstrip(".,' \u00a0\u202f\u2019") if match else ""
            marks = _marks(digits)
            if marks is not None:
                yield Evidence(digits, table.rows[row], marks)


def _marks(digits: str) -> frozenset[Mark] | None:
    """Return the decimal marks with which a number can be read, None if it has no mark at all."""
    if "," not in digits and "." not in digits:
        return None
    digits = re.sub(r"['\u2019 \u00a0\u202f]", "", digits)
    found: set[Mark] = set()
    if _fits(digits, ",", "."):
        found.add("point")
    if _fits(digits, ".", ","):
        found.add("comma")
    return frozenset(found) or None


def _fits(digits: str, group: str, mark: str) -> bool:
    whole = rf"(?:\d+|{_GROUPS % re.escape(group)})"
    return re.fullmatch(rf"{whole}(?:{re.escape(mark)}\d*)?", digits) is not None
