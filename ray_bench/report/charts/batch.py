"""Batches against workers: noise scales with intervals, and the batch that was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.pieces import (
    LOG_REACH,
    chart,
    distinct,
    layer,
    log_ticks,
    numbers,
    only,
    shapes,
    sizes_of,
    tooltips,
    workers_axis,
)
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS
from ray_bench.report.pictures.noise import BATCH

if TYPE_CHECKING:
    import altair as alt

_NAME = "batch_samples"


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart, with a logarithmic axis of samples."""
    import altair as alt

    rows = picture.rows
    series = distinct(rows, "series")
    noise = [x for x in series if x != BATCH]
    told = ("series", "world_size", _NAME, "kind")
    look: dict[str, Any] = {
        "field": "series",
        "type": "nominal",
        "legend": alt.Legend(title=None),
    }
    base = chart(rows, told).encode(
        x=workers_axis(sizes_of(rows)),
        y=_y(picture),
        color=alt.Color(**look, scale=alt.Scale(domain=series)),
    )
    dots = base.encode(
        shape=alt.Shape(**look, scale=shapes(series)), tooltip=tooltips(rows, told)
    ).mark_point(filled=True, size=80, opacity=1)
    return layer(
        only(base, "series", [BATCH]).mark_line(strokeWidth=1.5, strokeDash=[6, 3]),
        only(base, "series", noise)
        .mark_rule(strokeWidth=2)
        .encode(y=_y(picture, "_low"), y2=f"{_NAME}_high"),
        dots,
    )


def _y(picture: Picture, bound: str = "") -> alt.Y:
    import altair as alt

    found = numbers(picture.rows, _NAME, f"{_NAME}_low", f"{_NAME}_high")
    low, high = min(found), max(found)
    return alt.Y(
        field=f"{_NAME}{bound}",
        type="quantitative",
        scale=alt.Scale(type="log", domain=[low / LOG_REACH, high * LOG_REACH], nice=False),
        axis=alt.Axis(title=FIELDS[_NAME].title, values=log_ticks(low, high), format="~s"),
    )
