"""A picture of a report: its numbers and words. `charts` turns it into Vega-Lite, SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: A number, a word, or None for what is unknown.
Datum = float | int | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a chart shows, before anything is drawn.

    Every number that a chart draws or a tooltip shows is one of `rows`, at full precision, and the
    JSON report has the same rows.
    """

    key: str  # unique in a report
    title: str
    alt: str  # what the picture says, in a sentence with figures, for those who cannot see it
    section: str  # key of the section that it belongs to
    chart: str  # the module of `report.charts` that draws it
    rows: tuple[Mapping[str, Datum], ...]
    notes: tuple[str, ...] = ()
