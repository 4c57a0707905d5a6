"""Whether the machine became faster or slower while the sweep went on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import t_interval

#: A drift is reported where a slope of 0 has a smaller probability, and the change is larger.
MAX_PROBABILITY = 0.01
MIN_CHANGE_FRAC = 0.01
_MIN_DF = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How throughput changed from the first start of a run to the last, at equal world size."""

    change_frac: Estimate  # 0.02: 2 % faster at the end
    span_s: float
    num_runs: int
    probability: float  # of so steep a slope, or a steeper one, without any drift

    @property
    def is_seen(self) -> bool:
        """Whether the change is more than chance and more than 1 %."""
        is_large = abs(self.change_frac.value) > MIN_CHANGE_FRAC
        return is_large and self.probability < MAX_PROBABILITY


def drift(runs: Sequence[RunRecord]) -> Drift | None:
    """Return the drift of a sweep, from repeats of world sizes at different times.

    ln X_ij = mean_i + slope t_ij: least squares of what every run differs by from the mean of its
    world size, against its start against the mean start of its world size, with
    num_runs - num_sizes - 1 degrees of freedom. The repeats of one worker at start, middle and end
    of a sweep weigh most.

    Returns:
        None where there are too few repeats, or all runs started at the same time.
    """
    timed = [run for run in runs if run.throughput_samples_per_s]
    if not timed:
        return None
    first = min(run.started_at_utc for run in timed)
    start_s = np.array([(run.started_at_utc - first).total_seconds() for run in timed])
    logs = np.log([run.throughput_samples_per_s or math.nan for run in timed])
    sizes, index = np.unique([run.point.world_size for run in timed], return_inverse=True)
    t, y = _within(start_s, index), _within(logs, index)
    df = len(timed) - len(sizes) - 1
    squares = float(t @ t)
    if df < _MIN_DF or squares == 0:
        return None
    slope = float(t @ y) / squares
    residual = y - slope * t
    error = math.sqrt(float(residual @ residual) / df / squares)
    span_s = float(start_s.max())
    change = t_interval(slope, [(error**2, df)]).mapped(lambda s: math.expm1(s * span_s))
    return Drift(
        change_frac=change,
        span_s=span_s,
        num_runs=len(timed),
        probability=_two_sided(slope / error, df) if error > 0 else float(slope == 0),
    )


def _within(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    means = np.bincount(index, weights=values) / np.bincount(index)
    return np.asarray(values - means[index])


def _two_sided(t: float, df: float) -> float:
    from scipy.special import stdtr

    return 2 * float(stdtr(df, -abs(t)))
