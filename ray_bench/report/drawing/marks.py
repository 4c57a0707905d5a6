"""What a drawing is made of: lines, areas, dots and words in a frame of 1000 by 1000.

A frame has a height and margins in pixels, and no width: a page stretches it to its column, a file
to its own width. Lines keep their width and words their size, as only positions are stretched.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Side of a frame; x goes right, y goes down.
FULL = 1000.0
#: Pixels that a letter of 12 pixels takes, on average and a bit more.
LETTER_PX = 6.3

XY = tuple[float, float]
Shape = Literal["circle", "square", "diamond", "triangle", "cross"]
SHAPES: tuple[Shape, ...] = ("circle", "square", "diamond", "triangle")
#: Which part of the words is at their place: n is above it, e left of it and ending there.
Anchor = Literal["middle", "start", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through points; its width and dash are in pixels."""

    points: tuple[XY, ...]
    colour: str  # a name of `tokens`
    width: float = 2.0
    dash: str = ""
    is_round: bool = True  # round ends; bars have straight ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A filled area with an outline of these points."""

    points: tuple[XY, ...]
    colour: str
    opacity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A mark at one place, `dx` pixels right of it, which is not stretched."""

    x: float
    y: float
    colour: str
    dx: float = 0.0
    shape: Shape = "circle"
    radius: float = 4.5
    is_hollow: bool = False
    has_ring: bool = False  # what is recommended
    says: str = ""  # what a pointer is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Words at a place; `dx` and `dy` are pixels from there."""

    x: float
    y: float
    text: str
    anchor: Anchor = "middle"
    dx: float = 0.0
    dy: float = 0.0
    colour: str = "ink2"
    is_bold: bool = False
    has_halo: bool = False  # the lines below are kept away from it
    is_extra: bool = False  # left out where it is narrow, and `right_narrow` is the margin


Mark = Line | Area | Dot


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Marks and words, from the lowest to the uppermost."""

    height: float
    marks: tuple[Mark, ...]
    words: tuple[Word, ...]
    left: float = 0.0
    right: float = 0.0
    right_narrow: float | None = None  # without words that are extra
    bottom: float = 0.0
    top: float = 0.0


def clip(points: Sequence[XY]) -> tuple[XY, ...]:
    """Return the part of a line between two points that is in the frame; empty where none is."""
    (x0, y0), (x1, y1) = points
    start, end = 0.0, 1.0
    for origin, step in ((x0, x1 - x0), (y0, y1 - y0)):
        if step == 0:
            if not 0 <= origin <= FULL:
                return ()
            continue
        first, last = sorted(((0 - origin) / step, (FULL - origin) / step))
        start, end = max(start, first), min(end, last)
    if start > end:
        return ()
    return tuple((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in (start, end))


def within(value: float) -> float:
    """Return a coordinate, at most at the edge of the frame."""
    return min(FULL, max(0.0, value))


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return places of labels moved as little as keeps them so far from each other and inside."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    limit = FULL
    for index in reversed(order):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - gap
    return moved


def margin(texts: Sequence[str]) -> float:
    """Return the pixels beside a frame in which the longest of some texts has room."""
    return max((len(x) for x in texts), default=0) * LETTER_PX + 10
