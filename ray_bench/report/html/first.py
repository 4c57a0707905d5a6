"""The first screen as a page needs it: columns that the curve and its numbers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ray_bench.report import charts, drawing
from ray_bench.report.cells import Cell
from ray_bench.report.drawing import curve
from ray_bench.report.drawing.html import html
from ray_bench.report.drawing.marks import FULL
from ray_bench.report.drawing.rows import typeset
from ray_bench.report.format import UNKNOWN, clean, show
from ray_bench.report.picture import Picture
from ray_bench.report.screen import Numbers, Panel, Quantity, Screen, Size

#: The row that has a bar, too: how likely each size is the best choice.
BEST = "best_choice"
#: What a reader has to see before any number: from flags of runs.
BADGES = {
    "emulated": "Emulated: accelerators sleep",
    "standin_data": "Stand-in data",
    "oversubscribed": "More ranks than cores or GPUs",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell of the numbers as text, with a sign for times and a dash between bounds."""

    value: str
    interval: str = ""
    share: float | None = None  # of the height of a bar, where the row has one


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity at every column."""

    key: str
    title: str
    note: str
    topic: str  # set where another topic begins
    cells: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Columns of world sizes, the curve above them and the numbers in them."""

    columns: tuple[Size, ...]
    first_forecast: int | None  # index of the column that a dashed line stands before
    chosen: int | None  # index
    axis: str | None  # the words left of the curve, which stay when it is scrolled
    drawn: str | None
    alt: str
    notes: tuple[str, ...]
    rows: tuple[Row, ...]


def grid(screens: Sequence[Screen]) -> Grid:
    """Return curves over each other, and the first one's numbers below."""
    first = screens[0].numbers
    found: dict[int, Size] = {}
    for screen in screens:
        for size in screen.numbers.sizes:
            known = found.get(size.world_size)
            if known is None or (size.is_measured and not known.is_measured):
                is_first = screen is screens[0]
                found[size.world_size] = replace(size, is_chosen=size.is_chosen and is_first)
    columns = tuple(found[n] for n in sorted(found))
    chosen = next((i for i, x in enumerate(columns) if x.is_chosen), None)
    picture = overlaid(screens)
    number = None if chosen is None else columns[chosen].world_size
    sizes = [x.world_size for x in columns]
    axis, drawn = (None, None) if picture is None else _drawn(picture, sizes, number)
    return Grid(
        columns=columns,
        first_forecast=_boundary(columns),
        chosen=chosen,
        axis=axis,
        drawn=drawn,
        alt="" if picture is None else picture.alt,
        notes=() if picture is None else picture.notes,
        rows=rows(first, columns, first.first),
    )


def overlaid(screens: Sequence[Screen]) -> Picture | None:
    """Return the curves of all screens in one picture; None where there is none."""
    known = [(x.name or f"curve {i}", x.curve) for i, x in enumerate(screens, start=1) if x.curve]
    if not known:
        return None
    if len(known) == 1:
        return known[0][1]
    merged = tuple({**row, "curve": name} for name, x in known for row in x.rows)
    alt = " ".join(f"{name}: {x.alt}" for name, x in known)
    return replace(known[0][1], rows=merged, alt=alt)


def _drawn(picture: Picture, sizes: Sequence[int], chosen: int | None) -> tuple[str, str]:
    """Return the words of the axis, and all else."""
    (frame,) = curve.draw(picture, sizes=sizes, chosen=chosen, is_alone=False)
    axis = [x for x in frame.words if x.x == 0 and x.anchor == "end"]
    rest = [x for x in frame.words if x not in axis]
    left = replace(frame, marks=(), words=tuple(replace(x, x=FULL) for x in axis))
    return html([left]), html([replace(frame, words=tuple(rest))])


def _boundary(columns: Sequence[Size]) -> int | None:
    """Return the first column of the forecast where all before it are measured."""
    index = next((i for i, x in enumerate(columns) if not x.is_measured), None)
    if index is None or any(x.is_measured for x in columns[index:]):
        return None
    return index or None


def rows(
    numbers: Numbers, columns: Sequence[Size], quantities: Sequence[Quantity]
) -> tuple[Row, ...]:
    """Return quantities in columns; a size that they do not have is unknown."""
    at = {x.world_size: i for i, x in enumerate(numbers.sizes)}
    found, topic = [], ""
    for quantity in quantities:
        cells = [
            quantity.cells[at[x.world_size]] if x.world_size in at else Cell(None) for x in columns
        ]
        found.append(_row(quantity, cells, "" if quantity.topic == topic else quantity.topic))
        topic = quantity.topic
    return tuple(found)


def _row(quantity: Quantity, cells: Sequence[Cell], topic: str) -> Row:
    money = next((x.currency for x in cells if x.unit == "money" and x.currency), None)
    title = quantity.title
    if money is not None and money not in title:
        title = f"{title}, {clean(money)}"
    top = max((float(x.value) for x in cells if isinstance(x.value, int | float)), default=0.0)
    bar = top if quantity.key == BEST and top > 0 else None
    shown = tuple(_shown(x, bar) for x in cells)
    return Row(quantity.key, title, quantity.note, topic, shown)


def _shown(cell: Cell, top: float | None) -> Shown:
    if cell.value is None:
        return Shown(UNKNOWN)
    text = show(cell)
    value = typeset(text.bare if cell.unit == "money" else text.value)
    share = float(cell.value) / top if top and not isinstance(cell.value, str) else None
    return Shown(value, spread(text.interval, has_sign=_has_sign(cell)), share)


def _has_sign(cell: Cell) -> bool:
    return cell.unit in ("points", "change") or (cell.low is not None and cell.low < 0)


def spread(interval: str, *, has_sign: bool) -> str:
    """Return bounds as short as they can be read: `3.41-3.54`, `-1 to +2`."""
    return typeset(interval) if has_sign else interval.replace(" to ", "\N{EN DASH}")


def panel_drawn(panel: Panel) -> str | None:
    """Return a panel's drawing; None where its picture is a chart of another kind."""
    if not charts.is_drawing(panel.picture):
        return None
    return html(drawing.frames(panel.picture))
