"""A waterfall of bars: where one ends, the next begins; its change is written beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.report.charts.fields import shown
from ray_bench.report.charts.pieces import chart, distinct, layer, numbers, only, tooltips
from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair as alt

_ROW_HEIGHT = 34
#: Points right of the longest bar, for the text beside it.
_TEXT_WIDTH = 60


def height(picture: Picture) -> int:
    """Return points: so many a bar."""
    return _ROW_HEIGHT * len(picture.rows)


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    rows = [_labelled(row) for row in picture.rows]
    ends = numbers(rows, "from_frac", "efficiency_frac")
    told = ("step", "change_points", "efficiency_frac", "kind")
    base = chart(rows, told).encode(
        y=alt.Y(
            field="name",
            type="nominal",
            sort=distinct(rows, "name"),
            axis=alt.Axis(title=None, labelLimit=190, domain=False, ticks=False, labelPadding=8),
        ),
        x=alt.X(
            field="from_frac",
            type="quantitative",
            scale=alt.Scale(
                domain=[min(0.0, *ends), max(ends)],
                range=[0, alt.ExprRef(f"width - {_TEXT_WIDTH}")],
                nice=False,
            ),
            axis=alt.Axis(
                title="Parallel efficiency", format="~%", values=[0, 0.2, 0.4, 0.6, 0.8, 1.0]
            ),
        ),
    )
    bars = [
        only(base, "look", [look])
        .mark_bar(style=look, height={"band": 0.62}, minBandSize=2)
        .encode(x2=alt.X2(field="efficiency_frac"), tooltip=tooltips(rows, told))
        for look in ("whole", "loss", "gain")
    ]
    texts = base.mark_text(align="left", dx=6, fontSize=12, style="ink").encode(
        x=alt.X(field="right", type="quantitative"),
        text=alt.Text(field="label", type="nominal"),
    )
    return layer(*bars, texts)


def _labelled(row: Any) -> dict[str, Any]:
    change = row.get("change_points")
    look = "whole" if change is None else "gain" if change > 0 else "loss"
    plain = {x: v for x, v in row.items() if not x.endswith(("_low", "_high"))}
    label = shown(plain, "efficiency_frac" if change is None else "change_points")
    right = max(row["from_frac"], row["efficiency_frac"])
    # What stands in brackets is in the picture's notes.
    name = str(row["step"]).partition(" (")[0]
    return {**row, "look": look, "label": label, "right": right, "name": name}
