"""Published scaling curves: what is predicted from what, and which stratum a curve is of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ray_bench.analysis.fit.measured import fixed_batch
from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.errors import InsufficientPointsError
from ray_bench.stats.log_estimate import LogEstimate

MANY_POINTS = 6
#: The batch rule of a curve that does not tell it.
NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A part of a curve, and what is predicted from it."""

    curve: str
    group: str  # whose curves were made alike: one source, one vote
    regime: str  # which batch was fixed, as the collection says
    points: Points
    world_sizes: tuple[int, ...]
    measured: tuple[float, ...]
    batches: tuple[float, ...] | None  # as in Points.with_batch, where they are mixed and told


def tasks(curves: Sequence[dict[str, Any]], split: str, batch: str = "all") -> Iterator[Task]:
    """Yield what is to be predicted from what.

    Args:
        curves: As in the file.
        split: `largest` or `every`.
        batch: Of a batch that is given at every world size, what is told to the fit: that of
            `all` sizes, that of its `points`, or `none`.
    """
    for curve in curves:
        rows = sorted(zip(curve["world_size"], curve["throughput"], strict=True))
        kept = len(rows) - (2 if len(rows) >= MANY_POINTS else 1)
        for count in [kept] if split == "largest" else range(2, kept + 1):
            rest = rows[count:] if count == kept else rows[count : count + 1]
            try:
                points = _points(curve, dict(rows[:count]), batch != "none")
            except InsufficientPointsError:
                continue
            batches = _stated(curve, [n for n, _ in rest]) if batch == "all" else None
            yield Task(
                curve=curve["id"],
                group=curve.get("source_group") or curve.get("source") or curve["id"],
                regime=curve.get("batch_regime") or NOT_TOLD,
                points=points if batches is None else points.with_batch(batches[0]),
                world_sizes=tuple(n for n, _ in rest),
                measured=tuple(x for _, x in rest),
                batches=batches,
            )


def _points(curve: dict[str, Any], rows: dict[int, float], with_batch: bool) -> Points:
    scaling = "strong" if curve["scaling"] == "strong" else "weak"
    batches = _batches(curve, rows) if with_batch else None
    mode = scaling if batches is None else fixed_batch(batches)
    return points_of(
        {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in rows.items()},
        scaling if mode == "mixed" else mode,
        workers_per_node=curve.get("workers_per_node"),
        batch_per_worker=batches if mode == "mixed" else None,
    )


def _batches(curve: dict[str, Any], sizes: Iterable[int]) -> dict[int, float] | None:
    """Return the batch per worker of some world sizes, None where it is not given at each."""
    batches = curve.get("global_batch_size")
    if not isinstance(batches, list):
        return None
    given = dict(zip(curve["world_size"], batches, strict=True))
    return {n: given[n] / n for n in sizes}


def _stated(curve: dict[str, Any], sizes: Sequence[int]) -> tuple[float, ...] | None:
    """Return global batches in batches of the first worker, None where one batch is fixed."""
    batches = _batches(curve, curve["world_size"])
    if batches is None or fixed_batch(batches) != "mixed":
        return None
    return tuple(n * batches[n] / batches[min(batches)] for n in sizes)
