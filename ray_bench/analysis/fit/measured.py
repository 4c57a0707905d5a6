"""From the numbers of a file to the points of a curve: means of repeats, always throughput."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.analysis.fit.points import Points, points_of
from ray_bench.analysis.laws.law import Mode
from ray_bench.records import Scaling
from ray_bench.stats.log_estimate import LogEstimate, log_means

#: A fixed batch may differ by so much: a global one cannot always be shared out evenly.
_UNEVEN_FRAC = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCurve:
    """A curve that was measured somewhere."""

    throughput: Mapping[int, LogEstimate]
    scaling: Scaling
    local_batch_size: Mapping[int, float] | None  # by world size, where neither batch was fixed
    workers_per_node: int | None
    seconds: float | None  # of a step at the smallest world size, where it is known

    @property
    def points(self) -> Points:
        """The points to fit."""
        return points_of(
            self.throughput,
            self.scaling,
            workers_per_node=self.workers_per_node,
            batch_per_worker=self.local_batch_size,
        )

    @property
    def repeats(self) -> int:
        """The largest number of repeats of a world size."""
        return max(x.num_runs for x in self.throughput.values())


def fixed_batch(local_batch_size: Mapping[int, float]) -> Mode:
    """Return which batch was fixed: that of a worker, the global one, or neither (mixed).

    Args:
        local_batch_size: Samples of a worker and step by world size.
    """
    if _is_same(local_batch_size.values()):
        return "weak"
    return "strong" if _is_same(n * x for n, x in local_batch_size.items()) else "mixed"


def _is_same(batches: Iterable[float]) -> bool:
    found = list(batches)
    return max(found) <= min(found) * (1 + _UNEVEN_FRAC)


def measured_curve(
    values: Mapping[int, Sequence[float]],
    quantity: Literal["throughput", "step_time_s"],
    scaling: Scaling,
    *,
    workers_per_node: int | None = None,
    step_time_s: Mapping[int, Sequence[float]] | None = None,
    local_batch_size: Mapping[int, float] | None = None,
) -> MeasuredCurve:
    """Return the curve of repeats by world size.

    Args:
        values: Repeats by world size, all above 0.
        quantity: What they are. From step times T alone, throughput is N / T in weak and
            1 / T in strong scaling: in units of the batch that is fixed, which is unknown.
        scaling: Which batch was fixed; where the batches say something else, these count.
        workers_per_node: None where it is unknown.
        step_time_s: Beside throughput, where both were measured.
        local_batch_size: Samples of a worker and step by world size, where they are known.
    """
    sizes = sorted(values)
    batches = local_batch_size or {}
    mode = fixed_batch(batches) if batches else scaling
    rates: list[Sequence[float]] = [values[n] for n in sizes]
    if quantity == "step_time_s":
        steps = [n * batches[n] if batches else n if mode == "weak" else 1 for n in sizes]
        rates = [[step / t for t in values[n]] for n, step in zip(sizes, steps, strict=True)]
    return MeasuredCurve(
        throughput=dict(zip(sizes, log_means(rates), strict=True)) if sizes else {},
        scaling=scaling if mode == "mixed" else mode,
        local_batch_size=batches if mode == "mixed" else None,
        workers_per_node=workers_per_node,
        seconds=_first_step_s(values, quantity, step_time_s or {}, batches),
    )


def _first_step_s(
    values: Mapping[int, Sequence[float]],
    quantity: Literal["throughput", "step_time_s"],
    step_time_s: Mapping[int, Sequence[float]],
    local_batch_size: Mapping[int, float],
) -> float | None:
    """Return the mean step time at the smallest world size, None where nothing tells it."""
    first = min(values, default=None)
    if first is None:
        return None
    steps = step_time_s.get(first) or (values[first] if quantity == "step_time_s" else None)
    if not steps and local_batch_size:
        steps = [first * local_batch_size[first] / rate for rate in values[first]]
    return sum(steps) / len(steps) if steps else None
