"""The drawings of a running sweep: geometry on 1000 by 1000, words beside it in per cent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ray_bench.serve.live.speeds import Speed


@dataclass(frozen=True, slots=True)
class Dot:
    """A number of workers; places are of 1000, from left and top."""

    x: float
    y: float
    low: float | None  # place of the interval's upper end is smaller
    high: float | None
    singles: tuple[float, ...]
    value: str
    interval: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Samples per second and worker by number of workers."""

    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, str], ...]  # place from the top, text
    ideal: float
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The pace of the run that goes on, against its own median."""

    dots: tuple[tuple[float, float], ...]
    reach: int  # per cent of the axis, each way
    seconds: tuple[int, int]
    title: str


def pace(found: Sequence[Speed]) -> Pace | None:
    """Return the drawing; None before the first run has finished."""
    if not found:
        return None
    per = [speed.per_worker for speed in found]
    singles = [[rate / speed.world_size for rate in speed.rates] for speed in found]
    values = [x for one in singles for x in one]
    values += [x for one in per for x in (one.low, one.high) if x is not None]
    low, high = _padded(min(values), max(values))
    ticks = _ticks(low, high)

    def place(value: float) -> float:
        return round(1000 * (high - min(max(value, low), high)) / (high - low), 1)

    dots = []
    for number, (speed, one) in enumerate(zip(found, per, strict=True)):
        x = round(1000 * (number + 0.5) / len(found), 1)
        has_interval = one.low is not None and one.high is not None
        dots.append(
            Dot(
                x=x,
                y=place(one.value),
                low=place(one.low) if one.low is not None else None,
                high=place(one.high) if one.high is not None else None,
                singles=tuple(map(place, singles[number])) if len(singles[number]) > 1 else (),
                value=_number(one.value),
                interval=f"{_number(one.low or 0)} to {_number(one.high or 0)}"
                if has_interval
                else "one run, no interval",
                size=speed.world_size,
            )
        )
    said = ", ".join(f"{dot.value} with {dot.size}" for dot in dots)
    return Pace(
        dots=tuple(dots),
        ticks=tuple((place(tick), _number(tick)) for tick in ticks),
        ideal=place(per[0].value),
        said=f"Samples per second and worker so far: {said}.",
    )


def steady(run: Mapping[str, Any] | None) -> Steady | None:
    """Return the drawing of the run that goes on; None before it has some seconds."""
    told = [] if run is None else list(run.get("pace") or ())
    if len(told) < 3:
        return None
    middle = median(rate for _, rate in told)
    if middle <= 0:
        return None
    off = [100 * (rate / middle - 1) for _, rate in told]
    most = max(abs(x) for x in off)
    reach = next((x for x in (2, 5, 10, 20, 50) if most <= x), 100)
    within = max(1, math.ceil(round(most, 1)))
    first, last = told[0][0], told[-1][0]
    span = max(last - first, 1e-9)
    dots = tuple(
        (round(1000 * (at - first) / span, 1), round(500 - 500 * max(-1.0, min(1.0, x / reach)), 1))
        for (at, _), x in zip(told, off, strict=True)
    )
    return Steady(
        dots=dots,
        reach=reach,
        seconds=(round(first), round(last)),
        title=f"This run: its pace stays within {within} % of the median",
    )


def _padded(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis: air around the values, and never nothing between."""
    air = max(0.15 * (high - low), 0.03 * high)
    return max(0.0, low - air), high + air


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(x * size for x in (1, 2, 5, 10) if x * size >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
