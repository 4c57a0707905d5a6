"""Rows of pictures from the cells of tables: the same numbers at full precision."""

from __future__ import annotations

from collections.abc import Iterable

from ray_bench.report.cells import Cell
from ray_bench.report.format import show
from ray_bench.report.picture import Datum


def interval(name: str, cell: Cell) -> dict[str, Datum]:
    """Return a number with its bounds, as `name`, `name_low` and `name_high`."""
    return {name: cell.value, f"{name}_low": cell.low, f"{name}_high": cell.high}


def at_sizes(cells: Iterable[tuple[int, Cell]]) -> str:
    """Return `1.93x at 2, 3.60x at 4`, without intervals."""
    known = [(n, cell) for n, cell in cells if cell.value is not None]
    return ", ".join(f"{show(cell).value} at {n}" for n, cell in known)
