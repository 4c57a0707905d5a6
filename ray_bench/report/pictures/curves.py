"""Several curves in one picture: speedup against workers, measured and predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.report.cells import Kind, estimate
from ray_bench.report.format import show
from ray_bench.report.picture import Datum, Picture
from ray_bench.report.pictures.rows import interval
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """A world size of a curve."""

    curve: str
    world_size: float
    speedup: Estimate  # against the smallest world size of the curve
    is_predicted: bool


def curves_picture(curves: Sequence[Sequence[Point]], section: str) -> Picture:
    """Return the picture of some curves.

    Args:
        curves: The points of each, by world size.
        section: Key of the section that it belongs to.
    """
    rows = [_row(point) for curve in curves for point in curve]
    measured = [[x for x in curve if not x.is_predicted] for curve in curves]
    words = "; ".join(f"{x[-1].curve} {_last(x[-1])}" for x in measured)
    return Picture(
        key="curves",
        title="Speedup of every curve",
        alt=f"Speedup by number of workers. At the largest measured world size: {words}.",
        section=section,
        chart="curves",
        rows=tuple(rows),
        notes=("Filled: measured. Open: predicted.",),
    )


def _row(point: Point) -> dict[str, Datum]:
    kind: Kind = "predicted" if point.is_predicted else "measured"
    cell = estimate(point.speedup, "x", kind)
    size = int(point.world_size) if point.world_size == int(point.world_size) else point.world_size
    known: dict[str, Datum] = {"curve": point.curve, "world_size": size, "kind": kind}
    return {**known, **interval("speedup", cell)}


def _last(point: Point) -> str:
    speedup = show(estimate(point.speedup, "x")).value
    return f"{speedup} with {point.world_size:g} workers"
