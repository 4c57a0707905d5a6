"""From ideal to measured efficiency, cause by cause."""

from __future__ import annotations

from collections.abc import Iterator

from ray_bench.analysis.waterfall import Waterfall
from ray_bench.report.cells import Cell, estimate, number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval
from ray_bench.report.sections.waterfall import CAUSE_NAMES


def waterfall(context: Context) -> Picture | None:
    """Return the waterfall of the largest world size of which causes are known."""
    found = _largest(context)
    if found is None:
        return None
    worst = max(found.falls, key=lambda fall: fall.points.value)
    lost = show(number(-worst.points.value, "points")).value
    measured = show(estimate(found.efficiency_frac, "frac")).value
    return Picture(
        key=context.key("waterfall"),
        title=context.title(f"Where the efficiency goes with {workers(found.world_size)}"),
        alt=(
            f"Efficiency with {workers(found.world_size)}, from the ideal 100 % down to the "
            f"measured {measured}. Most goes to {CAUSE_NAMES[worst.cause]}: {lost}."
        ),
        section=context.key("waterfall"),
        chart="waterfall",
        rows=tuple(_rows(found)),
        notes=(
            "The changes add up to the measured efficiency: below 0 is lost, above 0 is gained. "
            "Skew: waiting for the slowest rank. The table has the other world sizes, and the "
            "intervals.",
        ),
    )


def _largest(context: Context) -> Waterfall | None:
    clean = context.study.clean_sizes
    known = [x for x in context.study.waterfalls if len(x.falls) > 1 and x.world_size in clean]
    return known[-1] if known else None


def _rows(found: Waterfall) -> Iterator[dict[str, Datum]]:
    """Yield ideal, changes and measured; a bar goes from `from_frac` to `efficiency_frac`."""
    efficiency = 1.0
    full = number(efficiency, "frac", "derived")
    yield _row(found, "ideal", full, 0.0)
    for fall in found.falls:
        # -x would make 0 lost a change of -0.
        change = estimate(fall.points.mapped(lambda lost: 0.0 - lost), "points")
        after = efficiency - fall.points.value
        yield {
            **_row(found, CAUSE_NAMES[fall.cause], number(after, "frac", "derived"), efficiency),
            "kind": change.kind,
            **interval("change_points", change),
        }
        efficiency = after
    yield _row(found, "measured", estimate(found.efficiency_frac, "frac"), 0.0)


def _row(found: Waterfall, step: str, cell: Cell, start: float) -> dict[str, Datum]:
    return {
        "world_size": found.world_size,
        "step": step,
        "kind": cell.kind,
        "from_frac": start,
        **interval("efficiency_frac", cell),
    }
