"""A curve against workers: measured points with intervals, lines of laws, and a band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.fields import FIELDS
from ray_bench.report.charts.pieces import (
    chart,
    distinct,
    layer,
    numbers,
    only,
    sizes_of,
    tooltips,
    workers_axis,
)
from ray_bench.report.picture import Picture
from ray_bench.report.pictures.scaling import FORECAST, IDEAL, MEASURED, NO_CLAIM, TAKEN

if TYPE_CHECKING:
    import altair as alt

_POINTS = (MEASURED, NO_CLAIM)
_LAW = "law"
#: Shape and dash of every series, in the order of the palette; a law of a name is `_LAW`.
_LOOK: dict[str, tuple[str, list[int]]] = {
    MEASURED: ("circle", [1, 0]),
    FORECAST: ("diamond", [1, 0]),
    _LAW: ("stroke", [8, 4]),
    TAKEN: ("stroke", [2, 3]),
    IDEAL: ("stroke", [4, 2, 1, 2]),
    NO_CLAIM: ("square", [1, 0]),
}
_NAMES = ("speedup", "efficiency_frac", "serial_frac")


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart. The band and the lines leave the frame where they are far from the rest."""
    rows = picture.rows
    name = next(x for x in _NAMES if x in rows[0])
    told = ("series", "world_size", name, "kind")
    look = _look(distinct(rows, "series"))
    base = chart(rows, told).encode(
        x=workers_axis(sizes_of(rows)), y=_y(picture, name), color=look["color"]
    )
    spread = base.encode(y=_y(picture, name, "_low"), y2=f"{name}_high")
    points, lines = _split(distinct(rows, "series"))
    measured, forecast = only(base, "series", points), only(base, "series", [FORECAST])
    dots = {"shape": look["shape"], "tooltip": tooltips(rows, told)}
    return layer(
        only(spread, "series", [FORECAST]).mark_area(opacity=0.18, clip=True),
        only(base, "series", lines)
        .mark_line(strokeWidth=2, clip=True)
        .encode(strokeDash=look["strokeDash"]),
        # What a pointer finds on lines.
        only(base, "series", lines)
        .mark_point(size=80, opacity=0, clip=True)
        .encode(tooltip=dots["tooltip"]),
        forecast.mark_point(filled=True, size=45, clip=True, opacity=1).encode(**dots),
        only(spread, "series", points).mark_rule(strokeWidth=2, clip=True),
        measured.mark_point(filled=True, size=80, opacity=1).encode(**dots),
    )


def _split(found: list[str]) -> tuple[list[str], list[str]]:
    """Return the series that are points, and those that are lines."""
    return [x for x in found if x in _POINTS], [x for x in found if x not in _POINTS]


def _look(found: list[str]) -> dict[str, Any]:
    """Return colour, shape and dash of the series, with one legend."""
    import altair as alt

    law = next((x for x in found if x not in _LOOK), _LAW)
    domain = [law if x == _LAW else x for x in _LOOK]
    legend = alt.Legend(title=None, values=[x for x in domain if x in found])
    common: dict[str, Any] = {"field": "series", "type": "nominal", "legend": legend}
    shapes, dashes = ([look[i] for look in _LOOK.values()] for i in (0, 1))
    return {
        "color": alt.Color(**common, scale=alt.Scale(domain=domain)),
        "shape": alt.Shape(**common, scale=alt.Scale(domain=domain, range=shapes)),
        "strokeDash": alt.StrokeDash(**common, scale=alt.Scale(domain=domain, range=dashes)),
    }


def _y(picture: Picture, name: str, bound: str = "") -> alt.Y:
    import altair as alt

    measured = [row for row in picture.rows if row["series"] in _POINTS]
    spread = numbers(measured, name, f"{name}_low", f"{name}_high")
    make = _speedup_axis if name == "speedup" else _share_axis
    scale, axis = make(name, spread, numbers(picture.rows, name))
    return alt.Y(field=f"{name}{bound}", type="quantitative", scale=scale, axis=axis)


def _speedup_axis(name: str, spread: list[float], drawn: list[float]) -> tuple[alt.Scale, alt.Axis]:
    import altair as alt

    low, high = min(*spread, *drawn) / 1.3, max(*spread, *drawn) * 1.15
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    scale = alt.Scale(type="log", base=2, domain=[low, high], nice=False)
    label = "format(datum.value, '~g') + 'x'"
    return scale, alt.Axis(
        title=FIELDS[name].title, values=[2.0**i for i in powers], labelExpr=label
    )


def _share_axis(name: str, spread: list[float], drawn: list[float]) -> tuple[alt.Scale, alt.Axis]:
    import altair as alt

    least = 1.0 if name == "efficiency_frac" else 0.01
    domain = [min(0.0, *spread, *drawn) * 1.08, max(least, *spread, *drawn) * 1.06]
    scale = alt.Scale(domain=domain, nice=False)
    return scale, alt.Axis(title=FIELDS[name].title, format="~%", tickCount=6)
