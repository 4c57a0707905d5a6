"""Changes against a base by workers, several sweeps over each other, with the tolerance as a band.

A sweep has the same colour and shape here as in `curve`, where the base is the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ray_bench.report.drawing.marks import FULL, SHAPES, Area, Dot, Frame, Line, Mark, Word, within
from ray_bench.report.drawing.rows import Row, bounds, distinct, known, numbers, says
from ray_bench.report.drawing.scales import Scale, linear_ticks
from ray_bench.report.drawing.tokens import SERIES

_HEIGHT = 248.0
_MARGIN = 40.0  # of 1000, above and below what is drawn
_DASHES = ("", "5 4", "2 4", "8 3 2 3")
_NAME = "change_frac"


def draw(rows: Sequence[Row], curves: Sequence[str], tolerance: float) -> tuple[Frame, ...]:
    """Return the drawing.

    Args:
        rows: With `curve`, `world_size`, `change_frac` and its bounds; at least one.
        curves: Names in the order of their colours, that of the base first.
        tolerance: A change within it is none.
    """
    sizes = sorted(set(numbers(rows, "world_size")))
    ends = numbers(rows, _NAME, f"{_NAME}_low", f"{_NAME}_high")
    low, high = min(-2 * tolerance, *ends), max(2 * tolerance, *ends)
    if low == high:
        low, high = -0.01, 0.01
    y = Scale(low, high, FULL - _MARGIN, _MARGIN)
    x = {n: (i + 0.5) / len(sizes) * FULL for i, n in enumerate(sizes)}
    drawn: list[Mark] = [*_grid(y, tolerance, linear_ticks(low, high, 6))]
    words = [*_axes(y, x, linear_ticks(low, high, 6))]
    for name in distinct(rows, "curve"):
        mine = sorted((r for r in rows if r["curve"] == name), key=lambda r: known(r, "world_size"))
        drawn += _curve(mine, curves.index(str(name)), x, y)
        last = mine[-1]
        words.append(
            Word(
                x=x[known(last, "world_size")],
                y=y(known(last, _NAME)),
                dx=10,
                anchor="start",
                text=str(name),
                colour="ink",
                is_bold=True,
                has_halo=True,
            )
        )
    return (
        Frame(
            height=_HEIGHT, marks=tuple(drawn), words=tuple(words), left=52.0, right=24.0,
            bottom=42.0, top=8.0,
        ),
    )  # fmt: skip


def _grid(y: Scale, tolerance: float, ticks: Sequence[float]) -> Iterator[Mark]:
    top, bottom = y(tolerance), y(-tolerance)
    band = ((0.0, top), (FULL, top), (FULL, bottom), (0.0, bottom))
    yield Area(points=band, colour="ideal", opacity=0.16)
    for tick in ticks:
        colour = "ink3" if abs(tick) < 1e-12 else "line"
        yield Line(points=((0.0, y(tick)), (FULL, y(tick))), colour=colour, width=1)


def _axes(y: Scale, x: dict[float, float], ticks: Sequence[float]) -> Iterator[Word]:
    for tick in ticks:
        text = "0" if abs(tick) < 1e-12 else f"{100 * tick:+.3g} %".replace("-", "\u2212")
        yield Word(x=0, y=y(tick), dx=-8, anchor="end", text=text, colour="ink3")
    for size, place in x.items():
        yield Word(x=place, y=FULL, dy=12, text=f"{size:g}", colour="ink3")
    yield Word(x=FULL / 2, y=FULL, dy=30, text="workers", colour="ink3")


def _curve(rows: Sequence[Row], number: int, x: dict[float, float], y: Scale) -> Iterator[Mark]:
    colour, shape = SERIES[number % len(SERIES)], SHAPES[number % len(SHAPES)]
    dash = _DASHES[number % len(_DASHES)]
    places = [(x[known(r, "world_size")], y(known(r, _NAME))) for r in rows]
    if len(places) > 1:
        yield Line(points=tuple(places), colour=colour, width=1.5, dash=dash)
    for row, (across, down) in zip(rows, places, strict=True):
        found = bounds(row, _NAME)
        if found is not None:
            ends = tuple((across, within(y(value))) for value in found)
            yield Line(points=ends, colour=colour, width=2)
        size = known(row, "world_size")
        told = f"{size:g} {'worker' if size == 1 else 'workers'}: {says(row, _NAME)}"
        yield Dot(x=across, y=down, colour=colour, shape=shape, radius=4, says=told)
