"""Noise scale against samples seen: a line and a band a world size, its global batch dashed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.pieces import (
    LOG_REACH,
    chart,
    layer,
    log_ticks,
    nice_ticks,
    numbers,
    shapes,
    sizes_of,
    tooltips,
)
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS

if TYPE_CHECKING:
    import altair as alt

_NAME, _BATCH = "noise_samples", "global_batch_size"


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart, with a logarithmic axis of samples."""
    import altair as alt

    rows, sizes = picture.rows, sizes_of(picture.rows)
    told = ("world_size", "lr_rule", "epoch", "seen_samples", _NAME, _BATCH)
    look: dict[str, Any] = {
        "field": "world_size",
        "type": "nominal",
        "legend": alt.Legend(title=FIELDS["world_size"].title),
    }
    base = chart(rows, told).encode(color=alt.Color(**look, scale=alt.Scale(domain=sizes)))
    lines = base.encode(x=_x(picture), y=_y(picture))
    points = lines.encode(
        shape=alt.Shape(**look, scale=shapes(sizes)), tooltip=tooltips(rows, told)
    )
    return layer(
        lines.encode(y=_y(picture, f"{_NAME}_low"), y2=f"{_NAME}_high").mark_area(opacity=0.18),
        base.encode(y=_y(picture, _BATCH)).mark_rule(strokeWidth=1.2, strokeDash=[6, 3]),
        lines.mark_line(strokeWidth=1.8),
        points.mark_point(filled=True, size=60, opacity=1),
    )


def _x(picture: Picture) -> alt.X:
    import altair as alt

    most = max(numbers(picture.rows, "seen_samples"))
    return alt.X(
        field="seen_samples",
        type="quantitative",
        scale=alt.Scale(domain=[0, most * 1.03], nice=False),
        axis=alt.Axis(
            title=FIELDS["seen_samples"].title, values=nice_ticks(most), format="~s", grid=False
        ),
    )


def _y(picture: Picture, name: str = _NAME) -> alt.Y:
    import altair as alt

    found = numbers(picture.rows, _NAME, f"{_NAME}_low", f"{_NAME}_high", _BATCH)
    low, high = min(found), max(found)
    return alt.Y(
        field=name,
        type="quantitative",
        scale=alt.Scale(type="log", domain=[low / LOG_REACH, high * LOG_REACH], nice=False),
        axis=alt.Axis(title=FIELDS[_NAME].title, values=log_ticks(low, high), format="~s"),
    )
