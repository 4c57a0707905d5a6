"""Time against money: a point a world size, the one that is recommended in a ring.

Intervals lean: cost is time times workers times price, so that a slower run costs more, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ray_bench.report.drawing import marks
from ray_bench.report.drawing.marks import FULL, LETTER_PX, XY, Anchor, Dot, Frame, Line, Mark, Word
from ray_bench.report.drawing.rows import Row, bounds, known, numbers, says
from ray_bench.report.drawing.scales import Scale, log_ticks, time_unit
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS

_HEIGHT = 216.0
_BESIDE, _FAR = 1.25, 2.2  # how far the frame goes beyond points, and beyond them for intervals
#: Pixels that a frame is wide, where it is about whether words meet.
_WIDTH = 320.0
_PLACES: tuple[tuple[float, float, Anchor], ...] = (
    (0, -14, "middle"),
    (10, 0, "start"),
    (0, 15, "middle"),
    (-10, 0, "end"),
    (9, -13, "start"),
    (-9, 13, "end"),
)


@dataclass(frozen=True, slots=True)
class _Plot:
    paid: str
    x: Scale
    y: Scale

    def at(self, row: Row) -> XY:
        return self.x(known(row, "time_s")), self.y(known(row, self.paid))


def draw(picture: Picture) -> tuple[Frame, ...]:
    """Return the drawing of a picture whose rows have a time and a cost or worker-time."""
    rows = sorted(picture.rows, key=lambda x: known(x, "world_size"))
    paid = "cost" if "cost" in rows[0] else "worker_s"
    plot = _Plot(paid, _scale(rows, "time_s", 0, FULL), _scale(rows, paid, FULL, 0))
    measured = [x for x in rows if x["basis"] == "measured"]
    forecast = [x for x in rows if x["basis"] != "measured"]
    drawn: list[Mark] = [*_grid(plot)]
    drawn.append(Line(points=tuple(plot.at(x) for x in measured), colour="data"))
    if forecast and measured:
        points = tuple(plot.at(x) for x in (measured[-1], *forecast))
        drawn.append(Line(points=points, colour="data", dash="5 4"))
    for row in rows:
        drawn += _point(plot, row)
    x_words, y_words = _ticks(plot)
    per = rows[0]["per"]
    of = "to the target" if per == "target" else f"per {per}"
    words = [*x_words, *y_words, *_names(plot, rows)]
    money = rows[0].get("currency") or f"{FIELDS[paid].title}, {time_unit(plot.y.high)[1]}"
    words.append(Word(x=0, y=0, dy=-10, anchor="start", text=f"{money} {of}", colour="ink2"))
    left = marks.margin([x.text for x in y_words]) + 2
    words.append(Word(x=FULL, y=FULL, dy=30, anchor="end", text=f"Time {of}", colour="ink3"))
    frame = Frame(
        height=_HEIGHT,
        marks=tuple(drawn),
        words=tuple(words),
        left=left,
        right=8,
        bottom=40,
        top=20,
    )
    return (frame,)


def _scale(rows: Sequence[Row], name: str, start: float, end: float) -> Scale:
    values = numbers(rows, name)
    low, high = min(values) / _BESIDE, max(values) * _BESIDE
    ends = numbers(rows, f"{name}_low", f"{name}_high")
    low = min(low, max(min(ends, default=low) / 1.05, low / _FAR))
    high = max(high, min(max(ends, default=high) * 1.05, high * _FAR))
    return Scale(low, high, start, end, is_log=True)


def _axis(scale: Scale, *, is_time: bool) -> tuple[str, list[tuple[float, str]]]:
    """Return the unit of an axis, and its places with their numbers."""
    size, unit = time_unit(scale.high) if is_time else (1.0, "")
    ticks = log_ticks(scale.low / size, scale.high / size)
    return unit, [(scale(x * size), f"{x:.6g}") for x in ticks]


def _grid(plot: _Plot) -> Iterator[Mark]:
    for x, _ in _axis(plot.x, is_time=True)[1]:
        yield Line(points=((x, 0), (x, FULL)), colour="line", width=1)
    for y, _ in _axis(plot.y, is_time=plot.paid != "cost")[1]:
        yield Line(points=((0, y), (FULL, y)), colour="line", width=1)


def _ticks(plot: _Plot) -> tuple[list[Word], list[Word]]:
    unit, times = _axis(plot.x, is_time=True)
    xs = [Word(x=x, y=FULL, dy=12, text=f"{text} {unit}", colour="ink3") for x, text in times]
    ys = [
        Word(x=0, y=y, dx=-8, anchor="end", text=text, colour="ink3")
        for y, text in _axis(plot.y, is_time=plot.paid != "cost")[1]
    ]
    return xs, ys


def _point(plot: _Plot, row: Row) -> Iterator[Mark]:
    is_measured, is_chosen = row["basis"] == "measured", bool(row["is_recommended"])
    time, paid = bounds(row, "time_s"), bounds(row, plot.paid)
    if time is not None and paid is not None:
        ends = [(plot.x(t), plot.y(p)) for t, p in zip(time, paid, strict=True)]
        points = marks.clip(ends)
        if points:
            yield Line(points=points, colour="data", width=3 if is_measured else 1.25)
    x, y = plot.at(row)
    yield Dot(
        x=x,
        y=y,
        colour="data",
        radius=6 if is_chosen else 4.5,
        is_hollow=not is_measured,
        has_ring=is_chosen,
        says=f"{_name(row)}: {says(row, 'time_s')}, {says(row, plot.paid)}",
    )


def _name(row: Row) -> str:
    size = known(row, "world_size")
    return f"{size:g} {'worker' if size == 1 else 'workers'}"


def _names(plot: _Plot, rows: Sequence[Row]) -> Iterator[Word]:
    """Yield the world sizes, each beside its point where no other point or word is."""
    taken = [_box(plot.at(x), 0, 0, "middle", 12) for x in rows]
    for index, row in enumerate(rows):
        text = _name(row) if index == 0 else f"{known(row, 'world_size'):g}"
        places = [_box(plot.at(row), *place, len(text) * LETTER_PX) for place in _PLACES]
        free = [i for i, box in enumerate(places) if not any(_meet(box, x) for x in taken)]
        if not free:
            continue
        taken.append(places[free[0]])
        dx, dy, anchor = _PLACES[free[0]]
        x, y = plot.at(row)
        is_chosen = bool(row["is_recommended"])
        yield Word(
            x=x,
            y=y,
            dx=dx,
            dy=dy,
            anchor=anchor,
            text=text,
            colour="ink" if is_chosen else "ink2",
            is_bold=is_chosen,
            has_halo=True,
        )


_Box = tuple[float, float, float, float]


def _box(at: XY, dx: float, dy: float, anchor: Anchor, width: float) -> _Box:
    """Return left, top, right and bottom of words, in pixels of a usual frame."""
    x, y = at[0] / FULL * _WIDTH + dx, at[1] / FULL * _HEIGHT + dy
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return (left, y - 7, left + width, y + 7)


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
