"""All-reduce time against message size: points with intervals, and a line a world size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.cells import Unit
from ray_bench.report.charts.pieces import (
    chart,
    distinct,
    layer,
    numbers,
    only,
    shapes,
    tooltips,
)
from ray_bench.report.format import on_axis
from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair as alt

_MARGIN = 1.6
_MAX_TICKS = 7


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    rows = [{**row, "ranks": _ranks(picture, row)} for row in picture.rows]
    domain = distinct(rows, "ranks")
    sizes = sorted(numbers(rows, "num_bytes"))
    times = numbers(rows, "time_s", "time_s_low", "time_s_high")
    nominal: dict[str, Any] = {
        "field": "ranks",
        "type": "nominal",
        "legend": alt.Legend(title="Workers"),
    }
    y_scale = alt.Scale(type="log", domain=[min(times) / _MARGIN, max(times) * _MARGIN], nice=False)
    y_axis = _axis("Time", [10.0**i for i in range(-9, 5)], "s", min(times), max(times))
    told = ("series", "world_size", "where", "num_bytes", "time_s", "kind")
    base = chart(rows, told).encode(
        x=alt.X(
            field="num_bytes",
            type="quantitative",
            scale=alt.Scale(
                type="log", base=2, domain=[sizes[0] / _MARGIN, sizes[-1] * _MARGIN], nice=False
            ),
            axis=_axis("Message size", [4.0**i for i in range(25)], "bytes", sizes[0], sizes[-1]),
        ),
        y=alt.Y(field="time_s", type="quantitative", scale=y_scale, axis=y_axis),
        color=alt.Color(**nominal, scale=alt.Scale(domain=domain)),
    )
    measured = only(base, "series", ["measured"])
    return layer(
        only(base, "series", ["fitted line"]).mark_line(strokeWidth=1.5, interpolate="monotone"),
        measured.mark_rule(strokeWidth=2).encode(
            y=alt.Y(field="time_s_low", type="quantitative"), y2=alt.Y2(field="time_s_high")
        ),
        measured.mark_point(filled=True, size=60, opacity=1).encode(
            shape=alt.Shape(**nominal, scale=shapes(domain)), tooltip=tooltips(rows, told)
        ),
    )


def _ranks(picture: Picture, row: Any) -> str:
    """Return the world size, and where its ranks were if that is not the same for all."""
    has_both = len(distinct(picture.rows, "where")) > 1
    return f"{row['world_size']} on {row['where']}" if has_both else str(row["world_size"])


def _axis(title: str, ticks: list[float], unit: Unit, low: float, high: float) -> alt.Axis:
    """Return a logarithmic axis whose labels have units, as in the tables."""
    import altair as alt

    seen = [x for x in ticks if low / _MARGIN <= x <= high * _MARGIN]
    seen = seen[:: -(-len(seen) // _MAX_TICKS)]
    chosen = " : ".join(f"datum.value < {x * 1.01!r} ? '{on_axis(x, unit)}'" for x in seen)
    return alt.Axis(title=title, values=seen, labelExpr=f"{chosen} : ''", gridOpacity=0.6)
