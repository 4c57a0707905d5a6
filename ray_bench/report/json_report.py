"""The report as JSON: full precision, no NaN."""

from __future__ import annotations

import json
from typing import Any

from ray_bench.report.cells import Cell, Section, Table
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture

#: Rises when a key changes its meaning or goes away.
FORMAT_VERSION = 1


def json_report(report: Report) -> str:
    """Return the whole report as JSON text.

    Every number is `{"value", "unit", "kind", "low", "high"}`; `kind` is measured, predicted or
    derived, and null for what was asked for. A picture's rows are flat: fields with their units in
    their names, and `<field>_low` and `<field>_high` for an interval. All of it is ASCII, so that
    no control character of a text reaches a terminal.
    """
    return json.dumps(_report(report), indent=2, allow_nan=False)


def _report(report: Report) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "sweep_id": report.sweep_id,
        "answer": report.answer,
        "flags": [
            {"key": flag.key, "text": flag.text, "num_runs": flag.num_runs} for flag in report.flags
        ],
        "legend": report.legend,
        "sections": [_section(section) for section in report.sections],
        "pictures": [_picture(picture) for picture in report.pictures],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "paragraphs": list(section.paragraphs),
        "tables": [_table(table) for table in section.tables],
        "code": section.code,
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "key": picture.key,
        "title": picture.title,
        "alt": picture.alt,
        "section": picture.section,
        "chart": picture.chart,
        "rows": [dict(row) for row in picture.rows],
        "notes": list(picture.notes),
    }


def _table(table: Table) -> dict[str, Any]:
    keys = [column.key for column in table.columns]
    return {
        "key": table.key,
        "title": table.title,
        "columns": [{"key": column.key, "title": column.title} for column in table.columns],
        "rows": [dict(zip(keys, (_cell(cell) for cell in row), strict=True)) for row in table.rows],
        "notes": list(table.notes),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    values: dict[str, Any] = {"value": cell.value}
    if isinstance(cell.value, str):
        return values
    values |= {"unit": cell.unit, "kind": cell.kind, "low": cell.low, "high": cell.high}
    return values if cell.currency is None else {**values, "currency": cell.currency}
