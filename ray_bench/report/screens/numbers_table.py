"""The numbers of all sizes as a table: a row a size, as files and data frames have them."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.report.cells import Table, asked, table, text
from ray_bench.report.model import Report
from ray_bench.report.screen import Numbers, Screen


def report_tables(report: Report) -> tuple[Table, ...]:
    """Return every table of a report, its numbers first."""
    found = (table for section in report.sections for table in section.tables)
    return (*numbers_tables(report.screens), *found)


def numbers_tables(screens: Sequence[Screen]) -> tuple[Table, ...]:
    """Return the numbers of every curve; keys are `numbers`, `numbers_2` and so on."""
    return tuple(
        numbers_table("numbers" if i == 1 else f"numbers_{i}", x.numbers)
        for i, x in enumerate(screens, start=1)
        if x.numbers.quantities
    )


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
