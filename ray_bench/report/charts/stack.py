"""Phases of a step, stacked, one bar a world size; a number in each says which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray_bench.records import PHASES
from ray_bench.report.charts.pieces import (
    chart,
    distinct,
    layer,
    numbers,
    seconds_axis,
    sizes_of,
    tooltips,
)
from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair as alt

#: A part that is lower than this share of the tallest bar has no room for a number.
_MIN_SHARE = 0.045


def draw(picture: Picture) -> alt.LayerChart:
    """Return the chart."""
    import altair as alt

    phases = sorted(distinct(picture.rows, "phase"), key=_place)
    tallest = max(_totals(picture).values())
    rows = [_numbered(row, phases, tallest) for row in picture.rows]
    domain = [f"{i} {phase}" for i, phase in enumerate(phases, start=1)]
    title, axis = seconds_axis([tallest], "Time per step")
    told = ("world_size", "phase", "step_s", "share_frac", "kind")
    base = chart(rows, told).encode(
        x=alt.X(
            field="world_size",
            type="ordinal",
            sort=sizes_of(rows),
            axis=alt.Axis(title="Workers", labelAngle=0),
        ),
        y=alt.Y(
            field="step_s",
            type="quantitative",
            stack="zero",
            axis=alt.Axis(title=title, **axis),
        ),
        order=alt.Order(field="place", type="quantitative"),
    )
    bars = base.mark_bar(style="separator", strokeWidth=1.5).encode(
        color=alt.Color(
            field="name",
            type="nominal",
            scale=alt.Scale(domain=domain),
            legend=alt.Legend(title=None),
        ),
        tooltip=tooltips(rows, told),
    )
    texts = base.mark_text(style="on_colour", fontSize=11, fontWeight=600).encode(
        y=alt.Y(field="step_s", type="quantitative", stack="zero", bandPosition=0.5),
        detail=alt.Detail(field="place", type="quantitative"),
        text=alt.Text(field="label", type="nominal"),
    )
    return layer(bars, texts)


def _place(phase: str) -> int:
    """Return when a phase happens; what is not known comes last."""
    names = [name.replace("_", " ") for name in PHASES]
    return names.index(phase) if phase in names else len(names)


def _totals(picture: Picture) -> dict[Any, float]:
    totals: dict[Any, float] = {}
    for row in picture.rows:
        seconds = sum(numbers([row], "step_s"))
        totals[row["world_size"]] = totals.get(row["world_size"], 0.0) + seconds
    return totals


def _numbered(row: Any, phases: list[str], tallest: float) -> dict[str, Any]:
    place = phases.index(row["phase"]) + 1
    has_room = sum(numbers([row], "step_s")) > _MIN_SHARE * tallest
    return {
        **row,
        "place": place,
        "name": f"{place} {row['phase']}",
        "label": str(place) if has_room else "",
    }
