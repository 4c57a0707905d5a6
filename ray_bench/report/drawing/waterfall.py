"""From ideal to measured efficiency: a bar a cause, its change and interval beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ray_bench.report.cells import Cell
from ray_bench.report.drawing.marks import FULL, Dot, Frame, Line, Mark, Word, margin
from ray_bench.report.drawing.rows import Row, bounds, known, number, numbers, typeset
from ray_bench.report.drawing.scales import Scale, linear_ticks
from ray_bench.report.drawing.tokens import GAIN, LOSS
from ray_bench.report.format import show
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS

_ROW = 27.0
_VALUE_PX, _INTERVAL_PX = 52.0, 152.0


def draw(picture: Picture) -> tuple[Frame, ...]:
    """Return the drawing of a picture whose rows are ideal, changes, measured."""
    rows = picture.rows
    scale = _scale(rows)
    left = margin([_name(row) for row in rows]) + 4
    ticks = linear_ticks(scale.low, min(1.0, scale.high), 3)
    drawn: list[Mark] = [_upright(scale(x), "line") for x in ticks]
    words: list[Word] = []
    drawn.append(_upright(scale(1.0), "ink3"))
    for index, row in enumerate(rows):
        y = (index + 0.5) / len(rows) * FULL
        is_last = index == len(rows) - 1
        if is_last:
            top = index / len(rows) * FULL
            drawn.append(Line(points=((0, top), (FULL, top)), colour="ink3", width=1))
        drawn += _row(row, scale, y)
        words += _words(row, y, left, is_bold=is_last)
    height = _ROW * len(rows)
    frame = Frame(
        height=height,
        marks=tuple(drawn),
        words=tuple(words),
        left=left,
        right=_INTERVAL_PX,
        right_narrow=_VALUE_PX,
    )
    return (frame,)


def _scale(rows: Sequence[Row]) -> Scale:
    """Return the axis: it does not begin at 0, so no bar does."""
    found = [*numbers(rows, "efficiency_frac", "efficiency_frac_low", "efficiency_frac_high"), 1.0]
    for row in rows:
        change, ends = number(row, "change_points"), bounds(row, "change_points")
        if change is not None and ends is not None:
            found += [known(row, "from_frac") + x for x in ends]
    room = 0.06 * max(max(found) - min(found), 0.02)
    return Scale(min(found) - room, max(found) + room, 0, FULL)


def _upright(x: float, colour: str) -> Line:
    return Line(points=((x, 0), (x, FULL)), colour=colour, width=1)


def _row(row: Row, scale: Scale, y: float) -> Iterator[Mark]:
    change = number(row, "change_points")
    end = scale(known(row, "efficiency_frac"))
    if change is None:
        ends = bounds(row, "efficiency_frac")
        colour = "ink3" if ends is None else "data"
        if ends is not None:
            yield Line(points=tuple((scale(x), y) for x in ends), colour=colour)
        yield Dot(x=end, y=y, colour=colour, radius=3.5)
        return
    start = known(row, "from_frac")
    colour = GAIN if change > 0 else LOSS
    points = ((scale(start), y), (end, y))
    yield Line(points=points, colour=colour, width=12, is_round=False)
    change_ends = bounds(row, "change_points")
    if change_ends is not None:
        points = ((scale(start + change_ends[0]), y), (scale(start + change_ends[1]), y))
        yield Line(points=points, colour="ink", width=2, is_round=False)


def _words(row: Row, y: float, left: float, *, is_bold: bool) -> Iterator[Word]:
    """Yield the name left of a row, and its number and interval right of it."""
    name = "efficiency_frac" if row.get("change_points") is None else "change_points"
    low, high = bounds(row, name) or (None, None)
    shown = show(Cell(number(row, name), FIELDS[name].unit, low=low, high=high))
    value = typeset(shown.bare)
    yield Word(x=0, y=y, dx=-left, anchor="start", text=_name(row), colour="ink", is_bold=is_bold)
    place = {"x": FULL, "y": y, "anchor": "end"}
    yield Word(**place, dx=_VALUE_PX, text=value, colour="ink", is_bold=is_bold)  # type: ignore[arg-type]
    yield Word(**place, dx=_INTERVAL_PX, text=typeset(shown.interval), is_extra=True)  # type: ignore[arg-type]


def _name(row: Row) -> str:
    """Return the name of a step, as a row begins."""
    name = str(row["step"])
    return name[:1].upper() + name[1:]
