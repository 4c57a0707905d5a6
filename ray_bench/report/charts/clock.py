"""Blocks over the clock: how much slower than usual each was, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray_bench.report.charts.pieces import (
    chart,
    layer,
    numbers,
    seconds_axis,
    shapes,
    sizes_of,
    tooltips,
)
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS
from ray_bench.report.pictures.clock import frame

if TYPE_CHECKING:
    import altair as alt


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    rows, sizes = picture.rows, sizes_of(picture.rows)
    seconds, changes = numbers(rows, "clock_s"), numbers(rows, "slower_frac")
    title, axis = seconds_axis(seconds, FIELDS["clock_s"].title)
    legend = alt.Legend(title="Workers")
    told = ("world_size", "run_id", "clock_s", "step_s", "slower_frac", "num_blocks", "kind")
    zero = alt.Chart(alt.InlineData(values=[{"typical": 0}])).mark_rule(
        style="muted_line", strokeDash=[4, 3]
    )
    points = (
        chart(rows, told)
        .mark_point(filled=True, size=32, opacity=0.75)
        .encode(
            x=alt.X(
                field="clock_s",
                type="quantitative",
                scale=alt.Scale(domain=[0, max(seconds) * 1.02], nice=False),
                axis=alt.Axis(title=title, grid=False, **axis),
            ),
            y=alt.Y(
                field="slower_frac",
                type="quantitative",
                scale=alt.Scale(domain=frame(changes), nice=False, clamp=True),
                axis=alt.Axis(
                    title="Step time against its median",
                    format="+~%",
                    labelExpr="datum.value == 0 ? 'median' : datum.label",
                    tickCount=6,
                ),
            ),
            color=alt.Color(
                field="world_size", type="nominal", scale=alt.Scale(domain=sizes), legend=legend
            ),
            shape=alt.Shape(field="world_size", type="nominal", scale=shapes(sizes), legend=legend),
            tooltip=tooltips(rows, told),
        )
    )
    return layer(zero.encode(y=alt.Y(field="typical", type="quantitative")), points)
