"""Time against money: a point a world size, the Pareto front, a ring around the recommended one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.fields import FIELDS
from ray_bench.report.charts.pieces import (
    LOG_REACH,
    WIDE,
    chart,
    layer,
    log_seconds_axis,
    log_ticks,
    numbers,
    only,
    seconds_axis,
    tooltips,
)
from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair as alt

_BASES = ("measured", "predicted")
_SHAPES = ("circle", "diamond")
_ABOVE = 1.12


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart. Intervals leave the frame where they are much wider than the rest."""
    import altair as alt

    paid = "cost" if "cost" in picture.rows[0] else "worker_s"
    rows = [{**row, "label": _label(row)} for row in picture.rows]
    told = ("world_size", "basis", "time_s", paid, "is_front", "is_recommended", "kind")
    basis: dict[str, Any] = {"field": "basis", "type": "nominal", "legend": alt.Legend(title=None)}
    colour = alt.Color(**basis, scale=alt.Scale(domain=_BASES))
    shape = alt.Shape(**basis, scale=alt.Scale(domain=_BASES, range=_SHAPES))
    plain = chart(rows, told)
    bar = plain.mark_rule(strokeWidth=1.5, opacity=0.55, clip=True)
    base = plain.encode(x=_x(picture), y=_y(picture, paid))
    named = base.encode(text=alt.Text(field="label", type="nominal"))
    words: dict[str, Any] = {"style": "ink", "fontSize": 12}
    return layer(
        only(base, "is_front", [True])
        .mark_line(style="muted_line", strokeWidth=1.5, strokeDash=[4, 3])
        .encode(order=alt.Order(field="time_s", type="quantitative")),
        bar.encode(x=_x(picture, "_low"), x2="time_s_high", y=_y(picture, paid), color=colour),
        bar.encode(x=_x(picture), y=_y(picture, paid, "_low"), y2=f"{paid}_high", color=colour),
        base.mark_point(filled=True, size=90, opacity=1).encode(
            color=colour, shape=shape, tooltip=tooltips(rows, told)
        ),
        only(base, "is_recommended", [True]).mark_point(
            style="ink", size=380, strokeWidth=2, filled=False
        ),
        only(named, "is_recommended", [False]).mark_text(**words, align="left", dx=9, dy=-10),
        only(named, "is_recommended", [True]).mark_text(**words, dy=22),
    )


def _label(row: Any) -> str:
    size = str(row["world_size"])
    return f"{size}, recommended" if row["is_recommended"] else size


def _x(picture: Picture, bound: str = "") -> alt.X:
    import altair as alt

    title = f"Time per {picture.rows[0]['per']}"
    scale, axis = _axis(numbers(picture.rows, "time_s"), title, is_time=True)
    return alt.X(field=f"time_s{bound}", type="quantitative", scale=scale, axis=axis)


def _y(picture: Picture, paid: str, bound: str = "") -> alt.Y:
    import altair as alt

    row = picture.rows[0]
    title = f"{FIELDS[paid].title} per {row['per']}"
    if paid == "cost":
        title = f"{title} ({row['currency']})"
    scale, axis = _axis(numbers(picture.rows, paid), title, is_time=paid != "cost")
    return alt.Y(field=f"{paid}{bound}", type="quantitative", scale=scale, axis=axis)


def _axis(values: list[float], title: str, *, is_time: bool) -> tuple[alt.Scale, alt.Axis]:
    """Return scale and axis: from 0, or logarithmic where values are far apart."""
    import altair as alt

    low, high = min(values), max(values)
    ticks: dict[str, Any] = {"tickCount": 6}
    if low > 0 and high / low > WIDE:
        scale = alt.Scale(type="log", domain=[low / LOG_REACH, high * LOG_REACH], nice=False)
        ticks = {"values": log_ticks(low, high), "format": "~g"}
        if is_time:
            title, ticks = log_seconds_axis(values, title)
        return scale, alt.Axis(title=title, **ticks)
    if is_time:
        title, ticks = seconds_axis(values, title)
    return alt.Scale(domain=[0, high * _ABOVE], nice=False), alt.Axis(title=title, **ticks)
