"""Several curves against workers: a colour each, filled points measured, open ones predicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ray_bench.report.charts.pieces import (
    chart,
    layer,
    numbers,
    only,
    sizes_of,
    tooltips,
    workers_axis,
)
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import FIELDS

if TYPE_CHECKING:
    import altair as alt


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    told = ("curve", "world_size", "speedup", "kind")
    base = chart(picture.rows, told).encode(
        x=workers_axis(sizes_of(picture.rows)),
        y=_y(picture),
        color=alt.Color(field="curve", type="nominal", legend=alt.Legend(title=None)),
        tooltip=tooltips(picture.rows, told),
    )
    measured, predicted = (only(base, "kind", [x]) for x in ("measured", "predicted"))
    return layer(
        measured.mark_line(strokeWidth=2),
        predicted.mark_line(strokeWidth=1, strokeDash=[4, 3]),
        measured.mark_point(filled=True, size=80, opacity=1),
        predicted.mark_point(filled=False, size=60, opacity=1),
    )


def _y(picture: Picture) -> alt.Y:
    import altair as alt

    drawn = numbers(picture.rows, "speedup")
    low, high = min(drawn) / 1.3, max(drawn) * 1.15
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    return alt.Y(
        field="speedup",
        type="quantitative",
        scale=alt.Scale(type="log", base=2, domain=[low, high], nice=False),
        axis=alt.Axis(
            title=FIELDS["speedup"].title,
            values=[2.0**i for i in powers],
            labelExpr="format(datum.value, '~g') + 'x'",
        ),
    )
