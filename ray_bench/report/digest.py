"""What of a report is read first on a terminal; the rest is a screen further, or in a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ray_bench.report.cells import Section
from ray_bench.report.model import Report

_ALL = re.compile("")
#: By key of the section, its tables that are kept.
_KEPT: Mapping[str, re.Pattern[str]] = {
    "failures": _ALL,
    "findings": _ALL,
    "scaling": re.compile(r"summary(_\d+)?"),
    "settings": _ALL,
}


def digest(report: Report) -> Report:
    """Return the report with the sections and tables that answer the question."""
    kept = (section for section in report.sections if _name(section) in _KEPT)
    return replace(report, sections=tuple(_shortened(section) for section in kept))


def _name(section: Section) -> str:
    """Return the key of a section without the number of its group."""
    return re.sub(r"_\d+$", "", section.key)


def _shortened(section: Section) -> Section:
    wanted = _KEPT[_name(section)]
    return replace(section, tables=tuple(x for x in section.tables if wanted.match(x.key)))
