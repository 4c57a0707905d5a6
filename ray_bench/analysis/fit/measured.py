"""From the numbers of a file to the points of a curve: means of repeats, always throughput."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.analysis.throughput import log_means
from ray_bench.records import Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCurve:
    """A curve that was measured somewhere."""

    throughput: Mapping[int, LogEstimate]
    scaling: Scaling
    workers_per_node: int | None
    has_batch: bool  # False: throughput is in units of the batch that is fixed
    seconds: float | None  # of a step at the smallest world size, where it is known

    @property
    def points(self) -> Points:
        """The points to fit."""
        return points_of(self.throughput, self.scaling, workers_per_node=self.workers_per_node)

    @property
    def repeats(self) -> int:
        """The largest number of repeats of a world size."""
        return max(x.num_runs for x in self.throughput.values())


def measured_curve(
    values: Mapping[int, Sequence[float]],
    quantity: Literal["throughput", "step_time_s"],
    scaling: Scaling,
    *,
    workers_per_node: int | None = None,
    step_time_s: Mapping[int, Sequence[float]] | None = None,
) -> MeasuredCurve:
    """Return the curve of repeats by world size.

    Args:
        values: Repeats by world size, all above 0.
        quantity: What they are. From step times T alone, throughput is N / T in weak and
            1 / T in strong scaling: in units of the batch that is fixed, which is unknown.
        scaling: Which batch was fixed.
        workers_per_node: None where it is unknown.
        step_time_s: Beside throughput, where both were measured.
    """
    sizes = sorted(values)
    seconds = step_time_s or (values if quantity == "step_time_s" else {})
    rates: list[Sequence[float]] = [values[n] for n in sizes]
    if quantity == "step_time_s":
        rates = [[(n if scaling == "weak" else 1) / t for t in values[n]] for n in sizes]
    first = seconds.get(sizes[0]) if sizes else None
    return MeasuredCurve(
        throughput=dict(zip(sizes, log_means(rates), strict=True)) if sizes else {},
        scaling=scaling,
        workers_per_node=workers_per_node,
        has_batch=quantity == "throughput",
        seconds=sum(first) / len(first) if first else None,
    )
