"""Accuracy against time: a line a world size and learning-rate rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray_bench.report.charts.pieces import (
    chart,
    dashes,
    distinct,
    layer,
    numbers,
    seconds_axis,
    shapes,
    sizes_of,
    tooltips,
)
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS

if TYPE_CHECKING:
    import altair as alt

_MARGIN_FRAC = 0.08


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    rows, sizes = picture.rows, sizes_of(picture.rows)
    rules = distinct(rows, "lr_rule")
    told = ("world_size", "lr_rule", "epoch", "train_s", "val_accuracy_frac", "kind")
    base = chart(rows, told).encode(
        x=_time_axis(picture),
        y=_accuracy_axis(picture),
        color=alt.Color(
            field="world_size",
            type="nominal",
            scale=alt.Scale(domain=sizes),
            legend=alt.Legend(title="Workers"),
        ),
        detail=alt.Detail(field="lr_rule", type="nominal"),
    )
    lines, points = base.mark_line(strokeWidth=1.8), base.mark_point(filled=True, size=50)
    if len(rules) > 1:
        rule = alt.StrokeDash(
            field="lr_rule",
            type="nominal",
            scale=dashes(rules),
            legend=alt.Legend(title="Learning-rate rule", symbolType="stroke"),
        )
        lines = lines.encode(strokeDash=rule)
    shape = alt.Shape(
        field="world_size",
        type="nominal",
        scale=shapes(sizes),
        legend=alt.Legend(title="Workers"),
    )
    return layer(lines, points.encode(shape=shape, tooltip=tooltips(rows, told)))


def _time_axis(picture: Picture) -> alt.X:
    import altair as alt

    seconds = numbers(picture.rows, "train_s")
    title, axis = seconds_axis(seconds, FIELDS["train_s"].title)
    return alt.X(
        field="train_s",
        type="quantitative",
        scale=alt.Scale(domain=[0, max(seconds) * 1.02], nice=False),
        axis=alt.Axis(title=title, grid=False, **axis),
    )


def _accuracy_axis(picture: Picture) -> alt.Y:
    import altair as alt

    found = numbers(picture.rows, "val_accuracy_frac")
    margin = max((max(found) - min(found)) * _MARGIN_FRAC, 0.005)
    domain = [max(0.0, min(found) - margin), min(1.0, max(found) + margin)]
    return alt.Y(
        field="val_accuracy_frac",
        type="quantitative",
        scale=alt.Scale(domain=domain, nice=False, zero=False),
        axis=alt.Axis(title=FIELDS["val_accuracy_frac"].title, format="~%", tickCount=6),
    )
