"""Pictures as Vega-Lite, SVG and PNG, one module a kind of chart. No network, no fonts to fetch.

Pictures of the first screen are drawings (`report.drawing`), and have no specification.

Text of users is data and titles there, never an expression. Altair and vl_convert are imported when
something is drawn.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast

from ray_bench.report import drawing
from ray_bench.report.charts.theme import FONT, HEIGHT, WIDTH, theme
from ray_bench.report.drawing.svg import png as png_of
from ray_bench.report.drawing.svg import svg as svg_of
from ray_bench.report.drawing.tokens import Theme
from ray_bench.report.format import clean
from ray_bench.report.picture import Picture

__all__ = ["HEIGHT", "WIDTH", "Theme", "is_drawing", "png", "svg", "theme", "vega_lite"]

#: Pixels of a PNG per point.
PNG_SCALE = 2.0
#: Vega counts its clipping paths up from picture to picture.
_CLIP = re.compile(r"\bclip\d+\b(?=[\")])")
_FILE_LEGEND_COLUMNS = 5


def is_drawing(picture: Picture) -> bool:
    """Return whether a picture is a drawing: it has no Vega-Lite specification."""
    return picture.chart in drawing.KINDS


def vega_lite(
    picture: Picture,
    *,
    theme_name: Theme = "light",
    width: int | None = None,
    has_title: bool = False,
) -> dict[str, Any]:
    """Return the Vega-Lite specification of a picture.

    Args:
        picture: Any picture of a report that is not a drawing.
        theme_name: Only `config` depends on it: `theme("dark")` in its place gives the other one.
        width: In points; by default as wide as the element that the chart is put into.
        has_title: Whether the title is drawn; a page may have it as a heading already.
    """
    from altair.utils.schemapi import debug_mode

    picture = _cleaned(picture)
    module = importlib.import_module(f"ray_bench.report.charts.{picture.chart}")
    # Tests hold every chart against the schema; here that would take as long as the rest.
    with debug_mode(False):
        drawn = module.draw(picture).properties(
            width=width or "container", description=picture.alt, **_height(module, picture)
        )
        if has_title:
            drawn = drawn.properties(title=picture.title)
        spec = cast("dict[str, Any]", drawn.to_dict(validate=False))
    columns = {} if width is None else {"legend_columns": _FILE_LEGEND_COLUMNS}
    return {**spec, "config": theme(theme_name, **columns)}


def svg(picture: Picture, theme_name: Theme = "light", before: str | None = None) -> str:
    """Return a picture as an SVG document with its title.

    Args:
        picture: Any picture of a report.
        theme_name: Its colours.
        before: What this function returned for some picture; if it was this one, it is returned
            again, as drawing is most of the time of a report.
    """
    if is_drawing(picture):
        return _drawn(picture, theme_name)
    spec = _whole(picture, theme_name)
    start = f'<svg data-specification="{_digest(spec)}" '
    if before is not None and before.startswith(start) and before.rstrip().endswith("</svg>"):
        return before
    import vl_convert

    drawn = str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))
    return _numbered_anew(drawn).replace("<svg ", start, 1)


def _digest(spec: dict[str, Any]) -> str:
    """Return what tells a drawing from every other one: its specification and who drew it."""
    text = json.dumps([version("vl-convert-python"), spec], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _numbered_anew(drawn: str) -> str:
    """Return an SVG that does not depend on how many were drawn before it."""
    found = dict.fromkeys(_CLIP.findall(drawn))
    names = {old: f"clip{number}" for number, old in enumerate(found)}
    return _CLIP.sub(lambda match: names[match.group()], drawn)


def png(picture: Picture, theme_name: Theme = "light") -> bytes:
    """Return a picture as a PNG with its title, two pixels a point."""
    if is_drawing(picture):
        return png_of(_drawn(picture, theme_name), PNG_SCALE)
    import vl_convert

    spec = _whole(picture, theme_name)
    return bytes(vl_convert.vegalite_to_png(spec, scale=PNG_SCALE, allowed_base_urls=[]))


def _drawn(picture: Picture, theme_name: Theme) -> str:
    picture = _cleaned(picture)
    frames = drawing.frames(picture)
    return svg_of(
        frames, title=picture.title, alt=picture.alt, theme=theme_name, width=WIDTH, font=FONT
    )


def _cleaned(picture: Picture) -> Picture:
    """Return a picture without control characters: a NUL makes vl_convert abort the process."""
    rows = (
        {key: clean(x) if isinstance(x, str) else x for key, x in row.items()}
        for row in picture.rows
    )
    return replace(picture, title=clean(picture.title), alt=clean(picture.alt), rows=tuple(rows))


def _whole(picture: Picture, theme_name: Theme) -> dict[str, Any]:
    return vega_lite(picture, theme_name=theme_name, width=WIDTH, has_title=True)


def _height(module: Any, picture: Picture) -> dict[str, int]:
    height = getattr(module, "height", None)
    return {"height": HEIGHT if height is None else height(picture)}
