"""A quantity against workers: what was measured with intervals, the ideal, the forecast's band.

Every world size has a column of the same width, those of the numbers below it on a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ray_bench.report.drawing import marks
from ray_bench.report.drawing.marks import FULL, SHAPES, XY, Area, Dot, Frame, Line, Mark, Word
from ray_bench.report.drawing.rows import Row, bounds, distinct, known, numbers, says
from ray_bench.report.drawing.scales import Scale, linear_ticks
from ray_bench.report.drawing.tokens import BAND_OPACITY, SERIES
from ray_bench.report.picture import Picture
from ray_bench.report.pictures.scaling import FORECAST, IDEAL, MEASURED, NO_CLAIM

_HEIGHT = 248.0
_MARGIN = 40.0  # of 1000, above and below what is drawn
_DASHES = ("5 4", "2 4", "8 3 2 3", "10 4")
_LABEL_GAP = 17.0  # pixels from label to label
_MOST_BANDS = 2  # more bands over each other cannot be told apart
_NAMES = ("speedup", "efficiency_frac", "serial_frac")
_MOST_OCTAVES = 7
_FAR = 0.72  # of the width: words right of a point would leave the frame
_NEARLY = 0.06  # octaves beyond the last tick that still are in the frame


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where world sizes and numbers are."""

    name: str
    sizes: tuple[float, ...]
    y: Scale
    ticks: tuple[float, ...]

    def x(self, size: float) -> float:
        return (self.sizes.index(size) + 0.5) / len(self.sizes) * FULL

    def at(self, row: Row) -> XY:
        return self.x(known(row, "world_size")), self.y(known(row, self.name))


def draw(
    picture: Picture,
    *,
    sizes: Sequence[float] = (),
    chosen: int | None = None,
    is_alone: bool = True,
) -> tuple[Frame, ...]:
    """Return the drawing of a picture whose rows have `series` and perhaps `curve`.

    Args:
        picture: Of speedup, efficiency or serial share.
        sizes: The columns; by default the world sizes of the picture.
        chosen: The world size that the answer names.
        is_alone: Whether there are no numbers below that name the columns.
    """
    name = next(x for x in _NAMES if x in picture.rows[0])
    rows = [x for x in picture.rows if x.get(name) is not None]
    columns = tuple(sizes) or tuple(sorted(set(numbers(rows, "world_size"))))
    plot = _plot(name, columns, rows)
    curves = distinct(rows, "curve")
    drawn: list[Mark] = [*_grid(plot), *_ideal(plot, rows)]
    words: list[Word] = [*_ticks(plot)]
    start = _boundary(plot, rows)
    if start is not None:
        drawn.append(Line(points=((start, 0), (start, FULL)), colour="ink3", width=1, dash="2 3"))
        words += _sides(start)
    for number, curve in enumerate(curves):
        mine = [x for x in rows if x.get("curve") == curve and x["series"] != IDEAL]
        has_band = number == 0 or len(curves) <= _MOST_BANDS
        drawn += _curve(plot, mine, number, chosen if len(curves) == 1 else None, has_band)
    words += _labels(plot, rows, chosen if len(curves) == 1 else None, len(curves))
    if len(curves) > 1:
        dots, names = _key(plot, rows, curves)
        drawn += dots
        words += names
    words += _edges(plot, rows)
    if name == "speedup":
        words += _ideal_word(plot, rows, is_below=len(curves) > 1)
    if is_alone:
        words += [
            Word(x=plot.x(n), y=FULL, dy=12, text=f"{n:g}", colour="ink3") for n in plot.sizes
        ]
        words.append(Word(x=FULL / 2, y=FULL, dy=30, text="workers", colour="ink3"))
    side = {"left": 48.0, "right": 12.0, "bottom": 42.0, "top": 8.0} if is_alone else {}
    return (Frame(height=_HEIGHT, marks=tuple(drawn), words=tuple(words), **side),)


def _plot(name: str, sizes: tuple[float, ...], rows: Sequence[Row]) -> _Plot:
    values = numbers(rows, name)
    firm = [x for x in rows if x["series"] in (MEASURED, NO_CLAIM)]
    firm_ends = numbers(firm, f"{name}_low", f"{name}_high")
    far_ends = numbers(rows, f"{name}_low", f"{name}_high")
    if name == "speedup":
        return _doubling(name, sizes, values + [x for x in firm_ends if x > 0], far_ends)
    low, high = min(0.0, *values, *firm_ends), max(*values, *firm_ends)
    least = 1.0 if name == "efficiency_frac" else 0.01
    high = max(least, high, min(max(far_ends, default=high), 1.4 * max(high, least)))
    ticks = linear_ticks(low, high, 6)
    return _Plot(name, sizes, Scale(low, high, FULL - _MARGIN, _MARGIN), tuple(ticks))


def _doubling(name: str, sizes: tuple[float, ...], values: list[float], far: list[float]) -> _Plot:
    """Return the plot of an axis that doubles; far bounds get one octave more, then they leave."""
    low = math.floor(math.log2(min(values)) + _NEARLY)
    high = math.ceil(math.log2(max(values)) - _NEARLY)
    if far and math.log2(max(min(far), 1e-9)) < low - _NEARLY:
        low -= 1
    high = max(high, low + 1)
    step = 1 if high - low <= _MOST_OCTAVES else 2
    ticks = tuple(2.0**i for i in range(low, high + 1, step))
    scale = Scale(2.0**low, 2.0**high, FULL - _MARGIN, _MARGIN, is_log=True)
    return _Plot(name, sizes, scale, ticks)


def _grid(plot: _Plot) -> Iterator[Mark]:
    for tick in plot.ticks:
        points = ((0.0, plot.y(tick)), (FULL, plot.y(tick)))
        yield Line(points=points, colour="line", width=1)
    if plot.name == "serial_frac" and plot.y(0) < FULL - _MARGIN:
        yield Line(points=((0.0, plot.y(0)), (FULL, plot.y(0))), colour="ink3", width=1)


def _ticks(plot: _Plot) -> Iterator[Word]:
    for tick in plot.ticks:
        text = _times(tick) if plot.name == "speedup" else f"{tick * 100:.3g} %"
        yield Word(x=0, y=plot.y(tick), dx=-8, anchor="end", text=text, colour="ink3")


def _times(tick: float) -> str:
    return f"{tick:g}\u00d7" if tick >= 0.5 else f"1/{1 / tick:g}\u00d7"


def _ideal(plot: _Plot, rows: Sequence[Row]) -> Iterator[Mark]:
    """Yield the ideal of the first curve, and a law where the picture is about its share."""
    names = [IDEAL]
    if plot.name == "serial_frac":
        names = [x for x in distinct(rows, "series") if x not in (MEASURED, NO_CLAIM, FORECAST)]
    for name in names:
        points = sorted({plot.at(x) for x in rows if x["series"] == name})
        if len(points) > 1:
            yield Line(points=tuple(points), colour="ideal", width=1.5)


def _ideal_word(plot: _Plot, rows: Sequence[Row], *, is_below: bool) -> Iterator[Word]:
    points = sorted({plot.at(x) for x in rows if x["series"] == IDEAL})
    if len(points) > 1:
        x, y = points[-1] if len(points) == 2 else points[-2]
        if is_below:
            yield Word(x=x, y=y, dx=10, dy=8, anchor="start", text="ideal", has_halo=True)
        else:
            yield Word(x=x, y=y, dx=-8, dy=-10, anchor="end", text="ideal", has_halo=True)


def _boundary(plot: _Plot, rows: Sequence[Row]) -> float | None:
    """Return where the measured columns end and the forecast begins; None where they mix."""
    measured = numbers([x for x in rows if x["series"] in (MEASURED, NO_CLAIM)], "world_size")
    forecast = numbers([x for x in rows if x["series"] == FORECAST], "world_size")
    later = [x for x in forecast if x > max(measured, default=math.inf)]
    if not later:
        return None
    return (plot.x(max(measured)) + plot.x(min(later))) / 2


def _sides(x: float) -> tuple[Word, Word]:
    place = {"x": x, "y": FULL - _MARGIN, "dy": -9.0}
    return (
        Word(**place, dx=-8, anchor="end", text="measured"),  # type: ignore[arg-type]
        Word(**place, dx=8, anchor="start", text="forecast"),  # type: ignore[arg-type]
    )


def _curve(
    plot: _Plot, rows: Sequence[Row], number: int, chosen: int | None, has_band: bool
) -> Iterator[Mark]:
    colour, shape = SERIES[number % len(SERIES)], SHAPES[number % len(SHAPES)]
    dash = _DASHES[number % len(_DASHES)]
    by_size = sorted(rows, key=lambda x: known(x, "world_size"))
    measured = [x for x in by_size if x["series"] == MEASURED]
    unclaimed = [x for x in by_size if x["series"] == NO_CLAIM]
    last = known(measured[-1], "world_size") if measured else 0.0
    beyond = [x for x in by_size if x["series"] == FORECAST and known(x, "world_size") > last]
    if has_band:
        yield from _band(plot, measured[-1:] + beyond if beyond else [], colour)
    if beyond:
        points = tuple(plot.at(x) for x in measured[-1:] + beyond)
        yield Line(points=points, colour=colour, dash=dash)
    for row in beyond:
        yield from _interval(plot, row, colour, 1.25)
        x, y = plot.at(row)
        yield Dot(x=x, y=y, colour=colour, shape=shape, is_hollow=True, says=_says(plot, row))
    if len(measured) > 1:
        yield Line(points=tuple(plot.at(x) for x in measured), colour=colour)
    for row in unclaimed:
        yield from _interval(plot, row, "ink3", 1.25)
        x, y = plot.at(row)
        yield Dot(x=x, y=y, colour="ink3", shape="cross", says=f"{_says(plot, row)}, no claim")
    for row in measured:
        yield from _interval(plot, row, colour, 3)
        x, y = plot.at(row)
        is_chosen = known(row, "world_size") == chosen
        yield Dot(
            x=x,
            y=y,
            colour=colour,
            shape=shape,
            radius=6 if is_chosen else 4.5,
            has_ring=is_chosen,
            says=_says(plot, row),
        )


def _says(plot: _Plot, row: Row, *, has_interval: bool = True) -> str:
    size = known(row, "world_size")
    number = says(row, plot.name, has_interval=has_interval)
    return f"{size:g} {'worker' if size == 1 else 'workers'}: {number}"


def _band(plot: _Plot, rows: Sequence[Row], colour: str) -> Iterator[Mark]:
    ends = [(plot.x(known(x, "world_size")), bounds(x, plot.name)) for x in rows]
    both = [(x, found) for x, found in ends if found is not None]
    if len(both) < 2:
        return
    upper = [(x, marks.within(plot.y(high))) for x, (_, high) in both]
    lower = [(x, marks.within(plot.y(low))) for x, (low, _) in both]
    yield Area(points=(*upper, *reversed(lower)), colour=colour, opacity=BAND_OPACITY)


def _interval(plot: _Plot, row: Row, colour: str, width: float) -> Iterator[Mark]:
    found = bounds(row, plot.name)
    if found is not None:
        x = plot.x(known(row, "world_size"))
        ends = tuple((x, marks.within(plot.y(value))) for value in found)
        yield Line(points=ends, colour=colour, width=width)


def _edges(plot: _Plot, rows: Sequence[Row]) -> Iterator[Word]:
    """Yield an arrow where an interval leaves the frame, and words where nothing is said."""
    for row in rows:
        found = bounds(row, plot.name) if row["series"] in (FORECAST, MEASURED, NO_CLAIM) else None
        for value, edge, sign in zip(found or (), (FULL, 0.0), "\u2193\u2191", strict=False):
            if (plot.y(value) - edge) * (1 if edge else -1) > 0:
                yield Word(x=plot.x(known(row, "world_size")), y=edge, text=sign, dx=7, dy=0)
    said = set(numbers([x for x in rows if x["series"] != IDEAL], "world_size"))
    for size in (x for x in plot.sizes if x not in said):
        yield Word(x=plot.x(size), y=FULL - _MARGIN, dy=-28, text="no forecast", colour="ink3")


def _labels(
    plot: _Plot, rows: Sequence[Row], chosen: int | None, num_curves: int
) -> Iterator[Word]:
    """Yield the words of the chosen point, else of the last one that was measured."""
    unclaimed = [x for x in rows if x["series"] == NO_CLAIM]
    if unclaimed:
        x, y = plot.at(unclaimed[-1])
        yield Word(x=x, y=y, dy=16, text="no claim", has_halo=True)
    measured = [x for x in rows if x["series"] == MEASURED]
    named = [x for x in measured if x["world_size"] == chosen] or measured[-1:]
    if num_curves > 1 or not named or known(named[0], "world_size") == min(plot.sizes):
        return
    x, y = plot.at(named[0])
    is_far = x > _FAR * FULL
    yield Word(
        x=x,
        y=y,
        dx=24 if is_far else 12,
        dy=20 if plot.name == "speedup" else -16,
        anchor="end" if is_far else "start",
        text=_says(plot, named[0], has_interval=False),
        colour="ink",
        is_bold=True,
        has_halo=True,
    )


def _key(
    plot: _Plot, rows: Sequence[Row], curves: Sequence[object]
) -> tuple[list[Dot], list[Word]]:
    """Return the name of every curve beside its shape, in the order in which the curves end."""
    ends: list[tuple[float, int]] = []
    for number, curve in enumerate(curves):
        mine = [x for x in rows if x.get("curve") == curve and x["series"] != IDEAL]
        if mine:
            last = max(mine, key=lambda x: known(x, "world_size"))
            ends.append((plot.at(last)[1], number))
    dots, words = [], []
    gap = _LABEL_GAP / _HEIGHT * FULL
    for index, (_, number) in enumerate(sorted(ends)):
        # Above the ideal line, where no curve is.
        y, colour = 1.5 * _MARGIN + index * gap, SERIES[number % len(SERIES)]
        text, shape = str(curves[number]), SHAPES[number % len(SHAPES)]
        dots.append(Dot(x=0, y=y, dx=16, colour=colour, shape=shape))
        words.append(
            Word(
                x=0,
                y=y,
                dx=28,
                anchor="start",
                text=text,
                colour=colour,
                is_bold=True,
                has_halo=True,
            )
        )
    return dots, words
