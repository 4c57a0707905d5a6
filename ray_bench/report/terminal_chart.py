"""The speedup curve as text: it shares its columns with the table below it.

Both axes double: every world size is a column, and speedup grows upwards. Lines are Braille dots,
two by four a character: measured solid, forecast every other dot, ideal one of four.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.text import Text

from ray_bench.report.picture import Picture
from ray_bench.report.pictures.scaling import IDEAL
from ray_bench.report.screen import Numbers

_MOST_ROWS = 14
_DOTS_X, _DOTS_Y = 2, 4  # of a character
_BRAILLE = 0x2800
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
#: An interval that reaches further than so many doublings from the points is cut off.
_MOST_BEYOND = 1.0


@dataclass(frozen=True, slots=True)
class _Marks:
    measured: str
    forecast: str
    no_claim: str
    bar: str
    axis: str
    line: str  # where there is no Braille, the lines' characters by order: solid, dashed, dotted
    has_dots: bool


_UNICODE = _Marks("●", "○", "◌", "│", "┤", "", has_dots=True)
_ASCII = _Marks("#", "o", "?", "|", "|", "=-.", has_dots=False)


@dataclass(frozen=True, slots=True)
class _Point:
    column: int
    value: float
    low: float | None
    high: float | None
    is_measured: bool
    is_claimed: bool


def chart_lines(
    numbers: Numbers, curve: Picture | None, head: int, width: int, *, ascii_only: bool
) -> list[Text]:
    """Return the curve, a line of text each; none where there is nothing to draw.

    Args:
        numbers: With the speedup.
        curve: The same as a picture, which knows the ideal.
        head: Columns of the terminal before the first world size.
        width: Columns of each world size.
        ascii_only: Whether the terminal has no other characters.
    """
    points = _points(numbers)
    if len(points) < 2:
        return []
    marks = _ASCII if ascii_only else _UNICODE
    ideal = _ideal(numbers, curve)
    canvas = _Canvas(head, len(numbers.sizes), width, _range(points, ideal), marks)
    measured = [x for x in points if x.is_measured]
    ahead = [*measured[-1:], *(x for x in points if not x.is_measured)]
    canvas.line(list(ideal.items()), every=4, style="dim")
    canvas.line([(x.column, x.value) for x in measured], every=1, style="cyan")
    canvas.line([(x.column, x.value) for x in ahead], every=2, style="cyan")
    for point in points:
        canvas.point(point)
    return [*canvas.rows(), Text(legend(points, bool(ideal), marks), style="italic dim")]


def legend(points: Sequence[_Point], has_ideal: bool, marks: _Marks) -> str:
    """Return what the characters mean, of those that are there."""
    words = []
    if any(x.is_measured and x.is_claimed for x in points):
        words.append(f"{marks.measured} measured")
    if any(not x.is_measured for x in points):
        words.append(f"{marks.forecast} forecast")
    if any(not x.is_claimed for x in points):
        words.append(f"{marks.no_claim} no claim")
    if any(x.low is not None for x in points):
        words.append(f"{marks.bar} 95 % interval")
    if has_ideal:
        words.append("dotted ideal")
    return f"Speedup: {', '.join(words)}; axes double."


def _points(numbers: Numbers) -> list[_Point]:
    speedup = next((x for x in numbers.quantities if x.key == "speedup"), None)
    cells = () if speedup is None else speedup.cells
    return [
        _Point(i, float(cell.value), cell.low, cell.high, size.is_measured, size.is_claimed)
        for i, (size, cell) in enumerate(zip(numbers.sizes, cells, strict=False))
        if isinstance(cell.value, int | float) and cell.value > 0
    ]


def _ideal(numbers: Numbers, curve: Picture | None) -> dict[int, float]:
    """Return the ideal speedup by column."""
    rows = curve.rows if curve is not None else ()
    known = {x["world_size"]: x["speedup"] for x in rows if x.get("series") == IDEAL}
    sizes = enumerate(numbers.sizes)
    found = {i: known.get(size.world_size) for i, size in sizes}
    return {i: float(x) for i, x in found.items() if isinstance(x, int | float) and x > 0}


def _range(points: Sequence[_Point], ideal: Mapping[int, float]) -> tuple[int, int]:
    """Return the doublings at the lower and the upper end of the axis."""
    shown = [math.log2(x) for x in (*(p.value for p in points), *ideal.values())]
    least, most = min(shown), max(shown)
    bounds = [math.log2(x) for p in points for x in (p.low, p.high) if x is not None and x > 0]
    low = max(min([least, *bounds]), least - _MOST_BEYOND)
    high = min(max([most, *bounds]), most + _MOST_BEYOND)
    first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    return first, max(last, first + 1)


class _Canvas:
    """Characters by row and column, with what is drawn on them."""

    def __init__(
        self, head: int, num_sizes: int, width: int, ends: tuple[int, int], marks: _Marks
    ) -> None:
        self._head, self._marks = head, marks
        self._first, last = ends
        self._per_doubling = max(1, min(3, _MOST_ROWS // (last - self._first)))
        self._num_rows = (last - self._first) * self._per_doubling + 1
        self._centres = [i * width + width // 2 for i in range(num_sizes)]
        self._width = num_sizes * width
        self._dots: dict[tuple[int, int], int] = {}
        self._chars: dict[tuple[int, int], tuple[str, str]] = {}

    def line(self, points: Sequence[tuple[int, float]], *, every: int, style: str) -> None:
        """Draw a line through values by column, one of `every` dots."""
        number = 0
        for (left, start), (right, end) in pairwise(points):
            x0, x1 = (self._centres[i] * _DOTS_X for i in (left, right))
            for x in range(x0, x1 + 1):
                value = self._up(start) + (self._up(end) - self._up(start)) * (x - x0) / (x1 - x0)
                number += 1
                if number % every == 0:
                    self._dot(x, value, every, style)

    def _dot(self, x: int, up: float, every: int, style: str) -> None:
        y = round((self._num_rows - 1 - up) * _DOTS_Y + (_DOTS_Y - 1) / 2)
        place = (y // _DOTS_Y, x // _DOTS_X)
        if not 0 <= place[0] < self._num_rows:
            return
        if not self._marks.has_dots:
            kind = {1: 0, 2: 1, 4: 2}[every]
            self._chars[place] = (self._marks.line[kind], style)
            return
        self._dots[place] = self._dots.get(place, 0) | _BITS[x % _DOTS_X][y % _DOTS_Y]
        self._chars[place] = (chr(_BRAILLE + self._dots[place]), style)

    def point(self, point: _Point) -> None:
        """Draw a point on its interval."""
        column = self._centres[point.column]
        if point.low is not None and point.high is not None and point.low > 0:
            for row in range(self._row(point.high), self._row(point.low) + 1):
                if 0 <= row < self._num_rows:
                    self._chars[row, column] = (self._marks.bar, "cyan")
        mark = self._marks.measured if point.is_measured else self._marks.forecast
        style = "bold cyan" if point.is_measured else "cyan"
        if not point.is_claimed:
            mark, style = self._marks.no_claim, "dim"
        self._chars[self._row(point.value), column] = (mark, style)

    def rows(self) -> Iterator[Text]:
        """Yield the lines, with the axis at the left."""
        for row in range(self._num_rows):
            doublings, rest = divmod(self._num_rows - 1 - row, self._per_doubling)
            label = "" if rest else f"{2.0 ** (self._first + doublings):g}x"
            axis = self._marks.axis if label else self._marks.bar
            line = Text(f"{label.rjust(self._head - 2)} {axis}", no_wrap=True)
            for column in range(self._width):
                line.append(*self._chars.get((row, column), (" ", "")))
            line.rstrip()
            yield line

    def _up(self, value: float) -> float:
        """Return how many rows above the lowest a value is."""
        return (math.log2(value) - self._first) * self._per_doubling

    def _row(self, value: float) -> int:
        return self._num_rows - 1 - round(self._up(value))
