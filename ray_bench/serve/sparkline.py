"""The measured efficiency of a sweep by its workers, as small as a word."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ray_bench.serve.index.rows import Point

WIDTH, HEIGHT = 112, 44
_LEFT, _RIGHT, _TOP, _BOTTOM = 5.0, 107.0, 2.0, 42.0
_HIGHEST = 1.25  # of the axis; the lowest is 0


def sparkline(curve: Sequence[Point], largest: int) -> str:
    """Return an SVG: points with their 95 % intervals, ideal, and half of it.

    Both axes are the same in every row: workers double from 1, efficiency goes from 0.

    Args:
        curve: By world size; at least one point.
        largest: Workers at the right end.
    """
    places = [(_x(p.world_size, largest), p) for p in curve]
    marks = [
        f'<path class="ideal" d="M{_LEFT:g} {_y(1):.1f}H{_RIGHT:g}"/>',
        f'<path class="g" d="M{_LEFT:g} {_y(0.5):.1f}H{_RIGHT:g}"/>',
    ]
    if len(curve) > 1:
        line = " L".join(f"{x:.1f} {_y(p.value):.1f}" for x, p in places)
        marks.append(f'<path class="l c1" d="M{line}"/>')
    for x, point in places:
        if point.low is not None and point.high is not None:
            marks.append(
                f'<path class="c1 thin" d="M{x:.1f} {_y(point.low):.1f}V{_y(point.high):.1f}"/>'
            )
        marks.append(f'<path class="p xs c1" d="M{x:.1f} {_y(point.value):.1f}h.01"/>')
    label = f"Efficiency: {', '.join(map(_words, curve))}"
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    return f'<svg class="spark" {view}>{"".join(marks)}</svg>'


def _x(world_size: int, largest: int) -> float:
    share = math.log2(world_size) / math.log2(largest)
    return _LEFT + share * (_RIGHT - _LEFT)


def _y(efficiency: float) -> float:
    share = min(max(efficiency / _HIGHEST, 0.0), 1.0)
    return _BOTTOM - share * (_BOTTOM - _TOP)


def _words(point: Point) -> str:
    workers = "1 worker" if point.world_size == 1 else f"{point.world_size} workers"
    bounds = ""
    if point.low is not None and point.high is not None:
        bounds = f" ({100 * point.low:.0f} to {100 * point.high:.0f})"
    return f"{workers} {100 * point.value:.0f} %{bounds}"
