"""Pictures of the first screen as geometry: one source for the page, for SVG and for PNG.

`marks` says what a drawing is made of; a module a kind of picture (`curve`, `waterfall`, `front`,
`accuracy`) makes it from the picture's rows; `html` and `svg` write it.

Vega-Lite draws all other pictures (`report.charts`). It cannot draw these: its plot has a width in
pixels that is known when it is drawn, so that its columns cannot be those of a table below it at
every width, and it scales text with the picture on a phone; it needs a script and a megabyte of
it before anything is seen, and the first screen has to be there at once, on paper and without
script, too.
"""

from __future__ import annotations

from collections.abc import Callable

from ray_bench.report.drawing import accuracy, curve, front, waterfall
from ray_bench.report.drawing.marks import Frame
from ray_bench.report.picture import Picture

KINDS: dict[str, Callable[[Picture], tuple[Frame, ...]]] = {
    "accuracy": accuracy.draw,
    "curve": curve.draw,
    "front": front.draw,
    "waterfall": waterfall.draw,
}


def frames(picture: Picture) -> tuple[Frame, ...]:
    """Return a picture of one of `KINDS` as a drawing that stands alone."""
    return KINDS[picture.chart](picture)
