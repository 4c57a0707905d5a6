"""How charts look: palettes that colour-blind readers can tell apart, on light and on dark.

Colours live in the configuration alone, so that a page can change the theme of a chart that it has
drawn. Every colour has a contrast of at least 3 to its background (WCAG 2.2, 1.4.11), and none
stands alone: shapes, dashes, numbers or words say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ray_bench.report.drawing.tokens import COLOURS, Theme

#: Points of a page; a picture in a file is as wide.
WIDTH, HEIGHT = 640, 320
#: `system-ui` is not the first: on bare Linux it is a wide face.
FONT = "Inter, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"

#: Of scales of shapes and dashes, in the order of the colours.
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right")
DASHES = ((1, 0), (6, 3), (2, 3), (9, 3, 2, 3), (12, 4), (4, 2, 1, 2), (1, 2))


@dataclass(frozen=True, slots=True)
class _Palette:
    background: str
    ink: str
    muted: str  # titles of axes, notes
    grid: str
    category: tuple[str, ...]
    diverging: tuple[str, ...]  # below, equal, above


#: Okabe and Ito 2008, Tol 2021, darkened or lightened to the contrast.
_LIGHT = _Palette(
    background=COLOURS["light"]["bg"],
    ink=COLOURS["light"]["ink"],
    muted=COLOURS["light"]["ink2"],
    grid=COLOURS["light"]["line"],
    category=(
        *("#0072b2", "#d55e00", "#008060", "#aa3377", "#6e6e6e"),
        *("#4b3fa7", "#8a7000", "#b2182b", "#2b8a99", "#7a4a1e"),
    ),
    diverging=("#6db3dd", "#f4f4f4", "#f0a36b"),
)
_DARK = _Palette(
    background=COLOURS["dark"]["bg"],
    ink=COLOURS["dark"]["ink"],
    muted=COLOURS["dark"]["ink2"],
    grid=COLOURS["dark"]["line"],
    category=(
        *("#56b4e9", "#f2994a", "#3cc8a0", "#e58ac4", "#a8a8a8"),
        *("#a99cff", "#e8d24a", "#ff7b85", "#7fd8e6", "#c99e6c"),
    ),
    diverging=("#1b5e8c", "#2b2e34", "#a8500f"),
)
_PALETTES: dict[Theme, _Palette] = {"light": _LIGHT, "dark": _DARK}


def theme(name: Theme, legend_columns: int = 2) -> dict[str, Any]:
    """Return the Vega-Lite configuration of a theme; all that differs between the themes.

    Args:
        name: Of the theme.
        legend_columns: Two fit on a phone.
    """
    palette = _PALETTES[name]
    return {
        "background": palette.background,
        "font": FONT,
        "padding": 8,
        # Readers of a screen get the chart's description and the tables, not point after point.
        "mark": {"aria": False},
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "color": palette.ink,
            "fontSize": 15,
            "fontWeight": 600,
            "offset": 12,
        },
        "axis": {
            "domainColor": palette.muted,
            "gridColor": palette.grid,
            "tickColor": palette.muted,
            "labelColor": palette.ink,
            "titleColor": palette.muted,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": 500,
            "titlePadding": 8,
            "labelPadding": 4,
        },
        "legend": {
            "orient": "bottom",
            "direction": "horizontal",
            "columns": legend_columns,
            "labelColor": palette.ink,
            "titleColor": palette.muted,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": 500,
            "labelLimit": 180,
            "titleLimit": 400,
            "symbolOpacity": 1,
            "symbolSize": 90,
            "symbolStrokeWidth": 2,
            "offset": 12,
        },
        "range": {
            "category": list(palette.category),
            "diverging": list(palette.diverging),
        },
        "style": {
            "ink": {"color": palette.ink},
            "separator": {"stroke": palette.background},
            "on_colour": {"color": palette.background},
            "muted_line": {"color": palette.muted},
        },
    }
