"""The report as JSON: full precision, no NaN. One serialiser for screens, folds and tables."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

from ray_bench.report.cells import Cell, Table
from ray_bench.report.model import Report
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Fold, Panel, Screen

#: Rises when a key changes its meaning or goes away.
FORMAT_VERSION = 2


def json_report(report: Report) -> str:
    """Return the whole report as JSON text.

    Every number is `{"value", "unit", "kind", "low", "high"}`; `kind` is measured, predicted or
    derived, and null for what was asked for. Sections, tables and pictures stand once, and screens
    and folds name them by key. A picture's rows are flat: fields with their units in their names,
    and `<field>_low` and `<field>_high` for an interval. All of it is ASCII, so that no control
    character of a text reaches a terminal.
    """
    return json.dumps(_report(report), indent=2, allow_nan=False)


def _report(report: Report) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "sweep_id": report.sweep_id,
        "answer": report.answer,
        "screens": [plain(x) for x in report.screens],
        "flags": [
            {"key": flag.key, "text": flag.text, "num_runs": flag.num_runs} for flag in report.flags
        ],
        "legend": report.legend,
        "folds": [plain(x) for x in report.folds],
        "sections": [plain(x) for x in report.sections],
        "parity": [plain(x) for x in report.parity],
        "pictures": [plain(x) for x in report.pictures],
        "configuration": report.configuration,
    }


def plain(value: Any) -> Any:
    """Return a piece of a report as what JSON knows."""
    if isinstance(value, Cell):
        return _cell(value)
    if isinstance(value, Table):
        return _table(value)
    if isinstance(value, Picture):
        return {**_fields(value), "rows": [dict(row) for row in value.rows]}
    if isinstance(value, Screen):
        return {**_fields(value), "curve": None if value.curve is None else value.curve.key}
    if isinstance(value, Panel):
        return {**_fields(value), "picture": value.picture.key}
    if isinstance(value, Fold):
        return _fold(value)
    if isinstance(value, tuple):
        return [plain(x) for x in value]
    return _fields(value) if is_dataclass(value) else value


def _fields(value: Any) -> dict[str, Any]:
    skipped = {Screen: ("curve",), Panel: ("picture",), Picture: ("rows",)}.get(type(value), ())
    return {x.name: plain(getattr(value, x.name)) for x in fields(value) if x.name not in skipped}


def _fold(fold: Fold) -> dict[str, Any]:
    """Return a fold, its contents by key; its numbers are those of a screen."""
    return {
        "key": fold.key,
        "title": fold.title,
        "says": fold.says,
        "has_numbers": fold.numbers is not None,
        "sections": [section.key for section in fold.sections],
        "pictures": [picture.key for picture in fold.pictures],
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
