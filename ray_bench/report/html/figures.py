"""Pictures as a page needs them: drawing, or specification and image, and a table."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_bench.report import charts, drawing
from ray_bench.report.drawing.html import html
from ray_bench.report.drawing.tokens import Theme
from ray_bench.report.format import UNKNOWN
from ray_bench.report.picture import Datum, Picture

#: Rows that the table below a chart shows.
MAX_ROWS = 200
_UNITS = {"s": "s", "frac": "share of 1", "bytes": "B", "points": "share of 1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One picture of the page."""

    key: str
    title: str
    alt: str
    notes: tuple[str, ...]
    drawn: str | None  # a drawing as HTML; else:
    spec: dict[str, Any] | None  # Vega-Lite, without the configuration that is the theme
    image: str | None  # a data URI, or an address of it
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_left_out: int  # rows that are not in `rows`
    dark_image: str | None = None  # an address of the same in dark colours


def figures(pictures: Sequence[Picture], svgs: Mapping[str, str]) -> list[Figure]:
    """Return the pictures of a page.

    Args:
        pictures: Of the report.
        svgs: Those that are no drawings as SVG, by key.
    """
    return [
        _figure(x, image=None)
        if charts.is_drawing(x)
        else _figure(x, spec=_spec(x), image=_image(svgs[x.key]))
        for x in pictures
    ]


def linked(pictures: Sequence[Picture], address: Callable[[str, Theme], str]) -> list[Figure]:
    """Return the pictures of a page whose charts are images that are asked for when they are seen.

    Args:
        pictures: Of the report.
        address: Of the SVG of a picture, by its key and colours.
    """
    return [
        _figure(x, image=address(x.key, "light"), dark_image=address(x.key, "dark"))
        for x in pictures
    ]


def without_largest(drawn: Sequence[Figure], num_bytes: int) -> list[Figure]:
    """Return the pictures without so many of the largest images as take at least so many bytes."""
    kept = list(drawn)
    for index, one in sorted(enumerate(drawn), key=lambda x: -len(x[1].image or "")):
        if num_bytes <= 0:
            break
        num_bytes -= len(one.image or "")
        kept[index] = replace(one, image=None)
    return kept


def _figure(
    picture: Picture,
    *,
    spec: dict[str, Any] | None = None,
    image: str | None,
    dark_image: str | None = None,
) -> Figure:
    is_drawing = charts.is_drawing(picture)
    keys = tuple(dict.fromkeys(key for row in picture.rows for key in row))
    return Figure(
        key=picture.key,
        title=picture.title,
        alt=picture.alt,
        notes=picture.notes,
        drawn=html(drawing.frames(picture)) if is_drawing else None,
        spec=spec,
        image=None if is_drawing else image,
        dark_image=None if is_drawing else dark_image,
        columns=tuple(heading(key) for key in keys),
        rows=tuple(tuple(datum(row.get(key)) for key in keys) for row in picture.rows[:MAX_ROWS]),
        num_left_out=max(0, len(picture.rows) - MAX_ROWS),
    )


def _spec(picture: Picture) -> dict[str, Any]:
    return {key: value for key, value in charts.vega_lite(picture).items() if key != "config"}


def _image(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


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
