"""What of a report is read first on a terminal; the rest is a screen further, or in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ray_bench.report.cells import Section
from ray_bench.report.model import Report

#: Sections by key, and which of their tables; None keeps all of them.
_KEPT: Mapping[str, frozenset[str] | None] = {
    "failures": None,
    "findings": None,
    "scaling": frozenset({"summary"}),
    "settings": None,
    "nodes": frozenset({"places", "place_forecast"}),
}


def digest(report: Report) -> Report:
    """Return the report with the sections and tables that answer the question."""
    kept = (section for section in report.sections if _name(section.key) in _KEPT)
    return replace(report, sections=tuple(_shortened(section) for section in kept))


def _shortened(section: Section) -> Section:
    wanted = _KEPT[_name(section.key)]
    if wanted is None:
        return section
    return replace(section, tables=tuple(x for x in section.tables if _name(x.key) in wanted))


def _name(key: str) -> str:
    """Return a key without the number of its group."""
    return re.sub(r"_\d+$", "", key)
