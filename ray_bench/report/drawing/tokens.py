"""The colours of page, pictures and charts: one table, light and dark.

Contrast to what is behind it (WCAG 2.2): 4.5 and more for text, 3 and more for marks and edges;
`tests/report/test_drawing.py` holds every pair to it. A colour never says something alone: shape,
dash, sign or word says it, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Theme = Literal["light", "dark"]

#: Name, light, dark.
_COLOURS = (
    ("bg", "#fbfaf7", "#121416"),
    ("surface", "#ffffff", "#1a1d21"),
    ("sunken", "#f2f1ec", "#23272c"),
    ("line", "#e3e1da", "#31363c"),
    ("edge", "#838991", "#7c858f"),
    ("ink", "#17191c", "#eceef0"),
    ("ink2", "#474e56", "#b7bec6"),
    ("ink3", "#626971", "#9ba4ae"),
    ("ideal", "#8a9097", "#838c96"),
    ("data", "#0a5cad", "#74b4f2"),
    ("s2", "#b5480c", "#f0a063"),
    ("s3", "#0b7a5b", "#4fcaa0"),
    ("s4", "#8340a3", "#d3a0e8"),
    ("ok", "#0b7057", "#4fcaa0"),
    ("warn", "#7d5100", "#e8bb62"),
    ("warn-bg", "#fdf3da", "#2b2414"),
    ("bad", "#b42318", "#ff9d92"),
    ("bad-bg", "#fdefed", "#321c1a"),
    ("on-accent", "#ffffff", "#0c1a28"),
)
#: Of several curves, in this order; each has its shape and dash, too.
SERIES = ("data", "s2", "s3", "s4")
LOSS, GAIN = "s2", "s3"
#: How much of a colour an area has.
BAND_OPACITY = 0.16

COLOURS: Mapping[Theme, Mapping[str, str]] = {
    "light": {name: light for name, light, _ in _COLOURS},
    "dark": {name: dark for name, _, dark in _COLOURS},
}


def css() -> str:
    """Return the colours as properties of a page."""
    return "".join(f"--{name}: light-dark({x}, {y}); " for name, x, y in _COLOURS).rstrip()
