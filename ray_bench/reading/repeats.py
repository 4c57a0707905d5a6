"""Rows that count as repeats, and in what they differ all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ray_bench.reading.files import FILE
from ray_bench.reading.table import Table, listed

#: So many rows show in which columns repeats differ.
_LOOKED_AT = 2_000


def repeats_line(
    table: Table, curves: Sequence[Sequence[int]], size: Mapping[int, int], measured: str
) -> list[str]:
    """Return what repeats differ in, in a sentence; nothing where there are none.

    Args:
        table: All rows.
        curves: The rows of each curve.
        size: The number of workers by row.
        measured: The column of what was measured, in which repeats always differ.
    """
    pairs = list(_neighbours(curves, size))
    if not pairs:
        return []
    differing = [
        name
        for name, cells in table.columns.items()
        if name != measured and any(cells[a] != cells[b] for a, b in pairs)
    ]
    if FILE in differing:
        return [
            "repeats: rows of one world size from several files; --by file makes curves of them"
        ]
    if not differing:
        return ["repeats: rows of one world size that differ in nothing"]
    return [f"repeats: rows of one world size that differ in {listed(differing)} alone"]


def _neighbours(
    curves: Sequence[Sequence[int]], size: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield rows of one curve and world size two by two."""
    for rows in curves:
        first: dict[int, int] = {}
        for row in rows[:_LOOKED_AT]:
            other = first.setdefault(size[row], row)
            if other != row:
                yield other, row
