"""The numbers of all sizes as a table: a row a size, as files and data frames have them."""

from __future__ import annotations

from ray_bench.report.cells import Table, asked, table, text
from ray_bench.report.screen import Numbers


def numbers_table(key: str, numbers: Numbers) -> Table:
    """Return the numbers with a row a world size and a column a quantity."""
    columns = {"world_size": "Workers", "basis": "Basis"} | {
        x.key: x.title for x in numbers.quantities
    }
    rows = [
        (
            asked(size.world_size),
            text("measured" if size.is_measured else "forecast"),
            *(x.cells[i] for x in numbers.quantities),
        )
        for i, size in enumerate(numbers.sizes)
    ]
    notes = (numbers.foot,) if numbers.foot else ()
    return table(key, "All numbers", columns, rows, notes)
