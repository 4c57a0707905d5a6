"""Pictures as a page needs them: specification, image for readers without script, and a table."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_bench.report.format import UNKNOWN
from ray_bench.report.picture import Datum, Picture

#: Rows that the table below a chart shows.
MAX_ROWS = 200
_UNITS = {"s": "s", "frac": "share of 1", "bytes": "B", "points": "share of 1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One chart of the page."""

    key: str
    section: str
    title: str
    alt: str
    notes: tuple[str, ...]
    spec: dict[str, Any]  # Vega-Lite, without the configuration that is the theme
    image: str | None  # a data URI
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_left_out: int  # rows that are not in `rows`


def drawings(pictures: Sequence[Picture], svgs: Mapping[str, str]) -> list[Drawing]:
    """Return the charts of a page.

    Args:
        pictures: Of the report.
        svgs: Their drawings by key.
    """
    return [_drawing(picture, svgs[picture.key]) for picture in pictures]


def without_largest(drawn: Sequence[Drawing], num_bytes: int) -> list[Drawing]:
    """Return the charts without so many of the largest images as take at least so many bytes."""
    kept = list(drawn)
    for index, one in sorted(enumerate(drawn), key=lambda x: -len(x[1].image or "")):
        if num_bytes <= 0:
            break
        num_bytes -= len(one.image or "")
        kept[index] = replace(one, image=None)
    return kept


def _drawing(picture: Picture, svg: str) -> Drawing:
    from ray_bench.report import charts

    encoded = base64.b64encode(svg.encode()).decode()
    spec = charts.vega_lite(picture)
    keys = tuple(dict.fromkeys(key for row in picture.rows for key in row))
    return Drawing(
        key=picture.key,
        section=picture.section,
        title=picture.title,
        alt=picture.alt,
        notes=picture.notes,
        spec={key: value for key, value in spec.items() if key != "config"},
        image=f"data:image/svg+xml;base64,{encoded}",
        columns=tuple(heading(key) for key in keys),
        rows=tuple(tuple(datum(row.get(key)) for key in keys) for row in picture.rows[:MAX_ROWS]),
        num_left_out=max(0, len(picture.rows) - MAX_ROWS),
    )


def heading(key: str) -> str:
    """Return the name of a field with its unit: `time_s_low` is `time (s), low`."""
    name, _, bound = key.rpartition("_")
    if bound in ("low", "high"):
        return f"{heading(name)}, {bound}"
    name, _, suffix = key.rpartition("_")
    unit = _UNITS.get(suffix)
    return key.replace("_", " ") if unit is None else f"{name.replace('_', ' ')} ({unit})"


def datum(value: Datum) -> str:
    """Return a number or word of a chart, in the unit that its column names."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
