"""The change of a metric against workers: intervals over the tolerance, shaped by the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.pieces import chart, layer, numbers, sizes_of, tooltips, workers_axis
from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair as alt

#: In the order of the palette.
_VERDICTS = ("same", "worse", "better", "cannot tell")
_SHAPES = ("circle", "triangle-down", "triangle-up", "diamond")
_MARGIN = 1.15


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    rows = picture.rows
    told = ("world_size", "change_frac", "verdict")
    verdict: dict[str, Any] = {
        "field": "verdict",
        "type": "nominal",
        "legend": alt.Legend(
            title=None, values=[x for x in _VERDICTS if x in {row["verdict"] for row in rows}]
        ),
    }
    colour = alt.Color(**verdict, scale=alt.Scale(domain=_VERDICTS))
    shape = alt.Shape(**verdict, scale=alt.Scale(domain=_VERDICTS, range=_SHAPES))
    base = chart(rows, told).encode(x=workers_axis(sizes_of(rows)), y=_y(picture))
    ends = numbers(rows[:1], "tolerance_low", "tolerance_high")
    within = alt.Chart(alt.InlineData(values=[dict(zip(("low", "high"), ends, strict=True))]))
    zero = alt.Chart(alt.InlineData(values=[{"none": 0}]))
    return layer(
        within.mark_rect(opacity=0.14).encode(
            y=alt.Y(field="low", type="quantitative"), y2=alt.Y2(field="high")
        ),
        zero.mark_rule(style="muted_line", strokeDash=[4, 3]).encode(
            y=alt.Y(field="none", type="quantitative")
        ),
        base.mark_rule(strokeWidth=2).encode(
            y=_y(picture, "_low"), y2="change_frac_high", color=colour
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            color=colour, shape=shape, tooltip=tooltips(rows, told)
        ),
    )


def _y(picture: Picture, bound: str = "") -> alt.Y:
    import altair as alt

    names = ("change_frac", "change_frac_low", "change_frac_high")
    drawn = numbers(picture.rows, *names, "tolerance_low", "tolerance_high")
    domain = [min(0.0, *drawn) * _MARGIN, max(0.0, *drawn) * _MARGIN]
    return alt.Y(
        field=f"change_frac{bound}",
        type="quantitative",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(title=picture.title, format="+~%", tickCount=6),
    )
