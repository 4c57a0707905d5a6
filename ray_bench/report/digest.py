"""What of a report is read first on a terminal; the rest is a screen further, or in a file."""

from __future__ import annotations

from dataclasses import replace

from ray_bench.report.model import Report

#: Keys of the folds of which the sections are read first.
_KEPT = ("runs", "settings", "nodes")


def digest(report: Report) -> Report:
    """Return the report with the sections that answer the question."""
    kept = (fold for fold in report.folds if fold.key in _KEPT)
    return replace(report, sections=tuple(section for fold in kept for section in fold.sections))
