"""What charts share: data with tooltips, axes of workers and seconds, legends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from ray_bench.report.charts.theme import DASHES, SHAPES
from ray_bench.report.picture_fields import FIELDS, Row, with_texts

if TYPE_CHECKING:
    import altair as alt

_LOG_MARGIN = 1.12
_UNITS_S = ((1.0, "s"), (60.0, "min"), (3600.0, "h"))
#: From so many of a unit on it is easier to read than the next smaller one.
_MANY = 3.0
_WANTED_TICKS = 6
#: Values that are further apart are drawn on a logarithmic axis, which reaches so far beyond them.
WIDE = 6.0
LOG_REACH = 1.6


def chart(rows: Sequence[Row], told: Sequence[str] = ()) -> alt.Chart:
    """Return a chart of rows without a mark.

    Args:
        rows: Of a picture, and what a chart adds to them.
        told: Names of fields that `tooltips` will show.
    """
    import altair as alt

    return alt.Chart(alt.InlineData(values=with_texts(rows, told)))


def tooltips(rows: Sequence[Row], told: Sequence[str]) -> list[alt.Tooltip]:
    """Return tooltips with numbers as in the tables, for marks that stand for one row each.

    Args:
        rows: As those of the chart.
        told: As those of the chart; a field that no row has is left out.
    """
    import altair as alt

    names = (x for x in told if any(row.get(x) is not None for row in rows))
    return [alt.Tooltip(field=f"{x}_text", type="nominal", title=FIELDS[x].title) for x in names]


def layer(*parts: alt.Chart) -> alt.LayerChart:
    """Return charts on top of each other, the first one below."""
    import altair as alt

    return cast("alt.LayerChart", alt.layer(*parts))


def only(part: alt.Chart, field: str, values: Sequence[Any]) -> alt.Chart:
    """Return a chart of the rows whose field is one of the values."""
    import altair as alt

    return part.transform_filter(alt.FieldOneOfPredicate(field=field, oneOf=list(values)))


def distinct(rows: Sequence[Row], name: str) -> list[Any]:
    """Return the values of a field in order of appearance, None left out."""
    return list(dict.fromkeys(row[name] for row in rows if row.get(name) is not None))


def sizes_of(rows: Sequence[Row]) -> list[int]:
    """Return the world sizes, ascending."""
    return sorted(distinct(rows, "world_size"))


def numbers(rows: Sequence[Row], *names: str) -> list[float]:
    """Return all known numbers of some fields."""
    found = (row.get(name) for row in rows for name in names)
    return [float(x) for x in found if isinstance(x, int | float)]


def workers_axis(sizes: Sequence[int]) -> alt.X:
    """Return the axis of workers: logarithmic to base 2, ticks only where there are data."""
    import altair as alt

    domain = [sizes[0] / _LOG_MARGIN, sizes[-1] * _LOG_MARGIN]
    return alt.X(
        field="world_size",
        type="quantitative",
        scale=alt.Scale(type="log", base=2, domain=domain, nice=False),
        axis=alt.Axis(
            title=FIELDS["world_size"].title,
            values=list(sizes),
            format="d",
            grid=False,
            labelOverlap="greedy",
        ),
    )


def seconds_axis(values: Sequence[float], title: str) -> tuple[str, dict[str, Any]]:
    """Return the title and the arguments of an axis of seconds, in a unit that is easy to read.

    Args:
        values: In seconds, to choose the unit and the ticks.
        title: What is on the axis, without unit.
    """
    largest = max(values)
    size, unit = _unit_of(largest)
    return f"{title} ({unit})", {
        "labelExpr": f"format(datum.value / {size!r}, '~g')",
        "values": [x * size for x in nice_ticks(largest / size)],
    }


def _unit_of(largest_s: float) -> tuple[float, str]:
    """Return the unit of an axis, in seconds, and its name."""
    if largest_s < 1:
        return (1e-3, "ms") if largest_s >= 1e-3 else (1e-6, "us")
    return next((x for x in reversed(_UNITS_S) if largest_s > x[0] * _MANY), (1.0, "s"))


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten from a bit below `low` to a bit above `high`."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    found = [x * 10.0**i for i in powers for x in (1, 2, 5)]
    return [x for x in found if low / LOG_REACH <= x <= high * LOG_REACH]


def nice_ticks(largest: float) -> list[float]:
    """Return 0 and round numbers up to the largest value, 1, 2 or 5 times a power of ten apart."""
    if largest <= 0:
        return [0.0]
    rough = largest / _WANTED_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(x * power for x in (1, 2, 5, 10) if x * power >= rough)
    return [i * step for i in range(math.floor(largest / step * (1 + 1e-9)) + 1)]


def shapes(domain: Sequence[Any]) -> alt.Scale:
    """Return a scale of shapes; they come again where there are more values than shapes."""
    import altair as alt

    return alt.Scale(
        domain=list(domain), range=[SHAPES[i % len(SHAPES)] for i in range(len(domain))]
    )


def dashes(domain: Sequence[Any]) -> alt.Scale:
    """Return a scale of dashes."""
    import altair as alt

    found = [list(DASHES[i % len(DASHES)]) for i in range(len(domain))]
    return alt.Scale(domain=list(domain), range=found)
