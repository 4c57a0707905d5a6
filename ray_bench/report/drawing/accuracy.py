"""Accuracy kept or not: the difference to the baseline with intervals, and accuracy by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ray_bench.report.cells import Cell
from ray_bench.report.drawing import marks
from ray_bench.report.drawing.marks import FULL, Dot, Frame, Line, Mark, Word
from ray_bench.report.drawing.rows import Row, bounds, distinct, known, number, numbers, typeset
from ray_bench.report.drawing.scales import Scale, linear_ticks
from ray_bench.report.drawing.tokens import SERIES
from ray_bench.report.format import show
from ray_bench.report.picture import Picture

_ROW, _EPOCHS = 27.0, 96.0
_VALUE_PX, _INTERVAL_PX = 40.0, 116.0
_LABEL_GAP = 14.0
_DASHES = ("", "2 4", "6 4", "8 3 2 3")
#: The baseline, then the others.
_COLOURS = ("ink3", *SERIES)
#: The end of a line: its place, its name, and its world size where that alone is its name.
_End = tuple[float, str, int | None]
#: Rows that have room, and names that a label has.
_MOST, _MOST_NAMES = 9, 4


def draw(picture: Picture) -> tuple[Frame, ...]:
    """Return the drawing of a picture: rows with `change_points`, rows with `epoch`."""
    has_rules = len(distinct(picture.rows, "lr_rule")) > 1
    known_all = [x for x in picture.rows if number(x, "change_points") is not None]
    against = known_all[-_MOST:]
    epochs = [x for x in picture.rows if number(x, "epoch") is not None]
    names = [_name(x, has_rules=has_rules) for x in against]
    left = marks.margin([*names, "100 %"])
    frames = []
    if against:
        frames.append(_differences(against, names, left, len(known_all) - len(against)))
    if epochs:
        frames.append(_by_epoch(epochs, left, has_rules=has_rules))
    return tuple(frames)


def _name(row: Row, *, has_rules: bool) -> str:
    size = known(row, "world_size")
    name = f"{size:g} {'worker' if size == 1 else 'workers'}"
    return f"{name}, {row['lr_rule']}" if has_rules else name


def _differences(
    rows: Sequence[Row], names: Sequence[str], left: float, num_left_out: int
) -> Frame:
    ends = numbers(rows, "change_points", "change_points_low", "change_points_high")
    reach = max([abs(x) for x in ends] + [0.001]) * 1.12
    scale = Scale(-reach, reach, 0, FULL)
    drawn: list[Mark] = []
    words: list[Word] = []
    for tick in linear_ticks(-reach, reach, 4):
        is_zero = abs(tick) < 1e-12
        points = ((scale(tick), 0.0), (scale(tick), FULL))
        drawn.append(Line(points=points, colour="ink3" if is_zero else "line", width=1))
        text = "0" if is_zero else typeset(f"{tick * 100:+.3g}")
        words.append(Word(x=scale(tick), y=FULL, dy=12, text=text, colour="ink3"))
    for index, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = (index + 0.5) / len(rows) * FULL
        low_high = bounds(row, "change_points")
        if low_high is not None:
            drawn.append(Line(points=tuple((scale(x), y) for x in low_high), colour="data"))
        drawn.append(Dot(x=scale(known(row, "change_points")), y=y, colour="data", radius=3.5))
        words.append(Word(x=0, y=y, dx=-left, anchor="start", text=name, colour="ink"))
        words += _numbers(row, y)
    if num_left_out:
        text = f"{num_left_out} more: in the table"
        words.append(Word(x=FULL, y=FULL, dx=8, dy=12, anchor="start", text=text, colour="ink3"))
    return Frame(
        height=_ROW * len(rows),
        marks=tuple(drawn),
        words=tuple(words),
        left=left,
        right=_INTERVAL_PX,
        bottom=26,
    )


def _numbers(row: Row, y: float) -> Iterator[Word]:
    low, high = bounds(row, "change_points") or (None, None)
    shown = show(Cell(number(row, "change_points"), "points", low=low, high=high))
    place = {"x": FULL, "y": y, "anchor": "end"}
    value = typeset(shown.bare)
    yield Word(**place, dx=_VALUE_PX, text=value, colour="ink", is_bold=True)  # type: ignore[arg-type]
    yield Word(**place, dx=_INTERVAL_PX, text=typeset(shown.interval))  # type: ignore[arg-type]


def _by_epoch(rows: Sequence[Row], left: float, *, has_rules: bool) -> Frame:
    values = [*numbers(rows, "val_accuracy_frac")]
    room = max(0.08 * (max(values) - min(values)), 0.005)
    y = Scale(min(values) - room, max(values) + room, FULL, 0)
    epochs = sorted(set(numbers(rows, "epoch")))
    first, last = epochs[0], epochs[-1]
    x = Scale(first, last, 0, FULL) if last > first else Scale(first - 1, first + 1, 0, FULL)
    drawn: list[Mark] = []
    words: list[Word] = []
    for tick in linear_ticks(y.low, y.high, 3):
        drawn.append(Line(points=((0, y(tick)), (FULL, y(tick))), colour="line", width=1))
        text = f"{tick * 100:.4g} %"
        words.append(Word(x=0, y=y(tick), dx=-8, anchor="end", text=text, colour="ink3"))
    words.append(Word(x=0, y=FULL, dx=-8, dy=12, anchor="end", text="epoch", colour="ink3"))
    words += [Word(x=x(e), y=FULL, dy=12, text=f"{e:g}", colour="ink3") for e in _few(epochs)]
    ends: list[_End] = []
    for index, name in enumerate(names := _lines(rows, has_rules=has_rules)):
        mine = names[name]
        points = tuple((x(known(r, "epoch")), y(known(r, "val_accuracy_frac"))) for r in mine)
        colour = _COLOURS[index % len(_COLOURS)]
        if len(points) > 1:
            dash = _DASHES[index % len(_DASHES)]
            drawn.append(Line(points=points, colour=colour, width=1.5, dash=dash))
        drawn.append(Dot(x=points[-1][0], y=points[-1][1], colour=colour, radius=2.5))
        size = None if has_rules else int(known(mine[0], "world_size"))
        ends.append((points[-1][1], name, size))
    words += _ends(ends)
    return Frame(
        height=_EPOCHS,
        marks=tuple(drawn),
        words=tuple(words),
        left=left,
        right=_INTERVAL_PX,
        bottom=24,
        top=14,
    )


def _lines(rows: Sequence[Row], *, has_rules: bool) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_name(row, has_rules=has_rules), []).append(row)
    return found


def _ends(ends: Sequence[_End]) -> Iterator[Word]:
    """Yield the names of lines at their ends; lines that end together share one."""
    gap = _LABEL_GAP / _EPOCHS * FULL
    groups: list[list[_End]] = []
    for end in sorted(ends, key=lambda x: x[:2]):
        if groups and end[0] - groups[-1][0][0] < gap:
            groups[-1].append(end)
        else:
            groups.append([end])
    places = marks.apart([sum(end[0] for end in x) / len(x) for x in groups], gap)
    for group, y in zip(groups, places, strict=True):
        text = "all of them" if len(group) == len(ends) > 1 else _joined(group)
        yield Word(x=FULL, y=y, dx=8, anchor="start", text=text)


def _joined(ends: Sequence[_End]) -> str:
    """Return `2, 4 workers`, or how many there are."""
    if len(ends) == 1:
        return ends[0][1]
    sizes = sorted(size for _, _, size in ends if size is not None)
    if len(ends) > _MOST_NAMES or len(sizes) < len(ends):
        return f"{len(ends)} lines"
    return f"{', '.join(map(str, sizes))} workers"


def _few(epochs: Sequence[float]) -> list[float]:
    """Return at most five epochs, the first and the last among them."""
    if len(epochs) <= 5:
        return list(epochs)
    step = (len(epochs) - 1) / 4
    return [epochs[round(i * step)] for i in range(5)]
