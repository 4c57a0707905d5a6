"""Peak memory of a worker: a part that is always there, and one that grows with its batch.

    M(b) = a + c b + error          bytes, b samples per worker and micro-step

a: weights, gradients, optimizer state, the process itself; c: what a sample's activations take.
Fitted with least squares. The points are the means of the runs of a world size and batch, so that
what a straight line misses counts as error; where there are only two of them it is the runs, and
nothing tests the line. Where another run would lie (95 %) is the root of the sum of squares of

    t s sqrt(1 + h)          s: of the points around the line, h: leverage of b
    t w sqrt(1 - 1 / r)      w: between runs of a point, r: runs of a point
    0.1 c d                  assumed: d samples beyond the batches that were measured, where
                             libraries may choose other work space
    0.01 M                   assumed: what allocators round

each t that of its own degrees of freedom: with three batches the first has one, and is wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import t_quantile

#: Assumed, of what the line adds or takes away beyond the measured batches.
EXTRAPOLATION_ERROR_FRAC = 0.1
#: Assumed, of the peak itself.
ROUNDING_FRAC = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPoint:
    """The peak of one run."""

    world_size: int
    batch: float  # samples per worker and micro-step
    peak_bytes: float  # of the worker that held most


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLine:
    """Peak memory against the batch of a worker, fitted."""

    batches: tuple[float, ...]  # that were measured, ascending
    fixed_bytes: float | None  # a; None: not known from one batch
    bytes_per_sample: float | None  # c
    mean_bytes: float  # of all points
    scatter: _Scatter | None  # None: too few runs for an interval

    @property
    def is_known(self) -> bool:
        """Whether the two parts can be told apart, which needs two batches."""
        return self.bytes_per_sample is not None

    def at(self, batch: float) -> Estimate | None:
        """Return where a run with so many samples per worker would lie.

        None: not known from one batch, unless it is that batch. Without an interval where there
        are too few runs.
        """
        slope = self.bytes_per_sample
        if slope is None:
            is_measured = math.isclose(batch, self.batches[0])
            return self._around(self.mean_bytes, batch, 0.0) if is_measured else None
        assert self.fixed_bytes is not None
        value = self.fixed_bytes + slope * batch
        beyond = max(self.batches[0] - batch, batch - self.batches[-1], 0.0)
        model = EXTRAPOLATION_ERROR_FRAC * abs(slope) * beyond
        return self._around(value, batch, model) if value > 0 else None

    def _around(self, value: float, batch: float, model: float) -> Estimate:
        if self.scatter is None:
            return Estimate(value)
        reach = math.hypot(self.scatter.reach(batch), model, ROUNDING_FRAC * value)
        return Estimate(value, max(0.0, value - reach), value + reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scatter:
    """How far the points are from the line."""

    variance: float  # s^2
    df: float
    within: tuple[float, float]  # w^2 (1 - 1 / r), and its degrees of freedom
    num_points: int
    mean_batch: float
    sum_sq: float  # of the batches around their mean; 0 with one batch

    def reach(self, batch: float) -> float:
        """Return half the width of the interval at a batch, in bytes."""
        off = (batch - self.mean_batch) ** 2
        leverage = 1 / self.num_points + (off / self.sum_sq if self.sum_sq else 0.0)
        around = t_quantile(self.df) * math.sqrt(self.variance * (1 + leverage))
        variance, df = self.within
        return math.hypot(around, t_quantile(df) * math.sqrt(variance) if df else 0.0)


def memory_line(points: Sequence[MemoryPoint]) -> MemoryLine | None:
    """Fit peak memory against the batch; None without points."""
    if not points:
        return None
    groups: dict[tuple[float, int], list[float]] = {}
    for point in points:
        groups.setdefault((point.batch, point.world_size), []).append(point.peak_bytes)
    batches = tuple(sorted({batch for batch, _ in groups}))
    if len(groups) > min(len(batches), 2):
        x = np.array([batch for batch, _ in groups])
        y = np.array([np.mean(peaks) for peaks in groups.values()])
        within = _within(list(groups.values()))
    else:
        x = np.array([point.batch for point in points])
        y = np.array([point.peak_bytes for point in points])
        within = (0.0, 0.0)
    slope = _slope(x, y) if len(batches) > 1 else None
    mean_x, mean_y = float(x.mean()), float(y.mean())
    return MemoryLine(
        batches=batches,
        fixed_bytes=None if slope is None else mean_y - slope * mean_x,
        bytes_per_sample=slope,
        mean_bytes=mean_y,
        scatter=_scatter(x, y, slope, within, len(groups)),
    )


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    off = x - x.mean()
    return float(off @ (y - y.mean()) / (off @ off))


def _scatter(
    x: np.ndarray,
    y: np.ndarray,
    slope: float | None,
    within: tuple[float, float],
    num_groups: int,
) -> _Scatter | None:
    df = len(x) - (1 if slope is None else 2)
    if df < 1 or num_groups < 2:  # one world size does not tell how another differs
        return None
    left = y - y.mean() - (slope or 0.0) * (x - x.mean())
    return _Scatter(
        variance=float(left @ left) / df,
        df=df,
        within=within,
        num_points=len(x),
        mean_batch=float(x.mean()),
        sum_sq=float(np.sum((x - x.mean()) ** 2)),
    )


def _within(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return what one run scatters beyond the mean of its point: w^2 (1 - 1 / r), and its df."""
    df = sum(len(group) - 1 for group in groups)
    if df == 0:
        return 0.0, 0.0
    variance = sum(float(np.var(group)) * len(group) for group in groups) / df
    repeats = len(groups) / sum(1 / len(group) for group in groups)
    return variance * (1 - 1 / repeats), float(df)
