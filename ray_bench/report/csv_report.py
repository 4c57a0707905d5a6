"""The report as one tidy CSV: a line for every cell of every table, and for every sentence.

Full precision, no newline within a line. Text that a spreadsheet would compute is neutralised.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.format import clean
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screens.numbers_table import numbers_tables
from ray_bench.store.csv_text import guarded

#: The columns, in their order. `what` is one of title, sweep_id, answer, flag, legend, paragraph,
#: cell, note, code, picture and point.
COLUMNS = (
    "what",
    "section",
    "table",
    "row",
    "column",
    "value",
    "unit",
    "kind",
    "low",
    "high",
    "currency",
)

Value = float | int | str | bool | None
Line = Mapping[str, Value]


def csv_report(report: Report) -> str:
    """Return the whole report as CSV with the header `COLUMNS` (RFC 4180, lines end in LF).

    `row` counts from 1 within a table, a section's paragraphs or a picture; unknown is empty.
    Numbers are written as Python writes them, so that reading them gives the same number.
    """
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow({name: _written(value) for name, value in line.items()})
    return sink.getvalue()


def _written(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return guarded(clean(value))
    return repr(float(value)) if isinstance(value, float) else str(value)


def _lines(report: Report) -> Iterator[Line]:
    for what in ("title", "sweep_id", "answer"):
        yield {"what": what, "value": getattr(report, what)}
    for row, flag in enumerate(report.flags, start=1):
        for column, value in (("key", flag.key), ("text", flag.text), ("num_runs", flag.num_runs)):
            yield {"what": "flag", "row": row, "column": column, "value": value}
    yield {"what": "legend", "value": report.legend}
    for table in numbers_tables(report.screens):
        yield from _table(table, {"section": table.key})
    for section in report.sections:
        yield from _section(section)
    for picture in report.pictures:
        yield from _picture(picture)


def _section(section: Section) -> Iterator[Line]:
    where = {"section": section.key}
    for row, words in enumerate(section.paragraphs, start=1):
        yield {"what": "paragraph", **where, "row": row, "value": words}
    for table in section.tables:
        yield from _table(table, where)
    for row, line in enumerate((section.code or "").splitlines(), start=1):
        yield {"what": "code", **where, "row": row, "value": line}


def _table(table: Table, where: Line) -> Iterator[Line]:
    place = {**where, "table": table.key}
    for row, cells in enumerate(table.rows, start=1):
        for column, cell in zip(table.columns, cells, strict=True):
            yield {"what": "cell", **place, "row": row, "column": column.key, **_cell(cell)}
    for row, words in enumerate(table.notes, start=1):
        yield {"what": "note", **place, "row": row, "value": words}


def _cell(cell: Cell) -> Line:
    names = ("value", "unit", "kind", "low", "high", "currency")
    return {name: getattr(cell, name) for name in names}


def _picture(picture: Picture) -> Iterator[Line]:
    place = {"section": picture.section, "table": picture.key}
    yield {"what": "picture", **place, "value": picture.alt}
    for row, values in enumerate(picture.rows, start=1):
        for column, value in values.items():
            yield {"what": "point", **place, "row": row, "column": column, "value": value}
