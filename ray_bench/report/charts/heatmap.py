"""A heat map of ranks and phases; where there is room, numbers in the cells say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray_bench.report.charts.pieces import chart, distinct, layer, numbers, tooltips
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import shown

if TYPE_CHECKING:
    import altair as alt

_ROW_HEIGHT, _LEAST_HEIGHT = 30, 90
_MANY_RANKS = 16
_SMALL_HEIGHT = 14
#: A scale that is narrower than this share of the step would paint noise.
_LEAST_FRAC = 0.05


def height(picture: Picture) -> int:
    """Return points: so many a rank."""
    count = len(distinct(picture.rows, "rank"))
    return max(_LEAST_HEIGHT, count * (_ROW_HEIGHT if count <= _MANY_RANKS else _SMALL_HEIGHT))


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    ranks = sorted(distinct(picture.rows, "rank"))
    reach = max(_LEAST_FRAC, *(abs(x) for x in numbers(picture.rows, "behind_frac")))
    rows = [{**row, "label": shown(row, "behind_frac").bare} for row in picture.rows]
    told = ("rank", "phase", "step_s", "behind_frac", "kind")
    base = chart(rows, told).encode(
        x=alt.X(
            field="phase",
            type="nominal",
            sort=distinct(rows, "phase"),
            axis=alt.Axis(title=None, orient="top", labelAngle=-35, domain=False, ticks=False),
        ),
        y=alt.Y(
            field="rank",
            type="ordinal",
            sort=ranks,
            axis=alt.Axis(title="Rank", domain=False, ticks=False),
        ),
    )
    cells = base.mark_rect(style="separator", strokeWidth=2).encode(
        color=alt.Color(
            field="behind_frac",
            type="quantitative",
            scale=alt.Scale(domain=[-reach, reach], domainMid=0, nice=False, interpolate="lab"),
            legend=alt.Legend(
                title="Time against the median rank, % of the step",
                format="~%",
                gradientLength=200,
            ),
        ),
        tooltip=tooltips(rows, told),
    )
    if len(ranks) > _MANY_RANKS:
        return layer(cells)
    texts = base.mark_text(style="ink", fontSize=11).encode(
        text=alt.Text(field="label", type="nominal")
    )
    return layer(cells, texts)
