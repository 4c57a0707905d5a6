"""Intervals of differences and ratios of two independent estimates."""

from __future__ import annotations

import math

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate
from ray_bench.stats.means import satterthwaite_df

#: Relative noise between two launches where it was not measured: one run, or one ladder. As for
#: points without repeats in a fit; of 221 MLPerf submissions 99 % were steadier.
LAUNCH_NOISE_FRAC = 0.01


def with_launch_noise(estimate: LogEstimate, num_launches: int) -> LogEstimate:
    """Return the estimate with the assumed noise between launches added to its variance.

    Args:
        estimate: Its variance holds the noise within a launch only.
        num_launches: How many launches it is a mean of.
    """
    if estimate.variance is None or estimate.df is None:
        return estimate
    added = LAUNCH_NOISE_FRAC**2 / num_launches
    df = satterthwaite_df(((estimate.variance, estimate.df), (added, math.inf)))
    variance = estimate.variance + added
    return LogEstimate(estimate.log_mean, variance, df, estimate.num_runs, estimate.source)


def difference(new: Estimate, base: Estimate) -> Estimate:
    """Return new - base of independent estimates whose intervals need not be symmetric.

    The bounds' distances add in quadrature, each side with the side that makes it (MOVER: Zou and
    Donner 2008, Statistics in Medicine 27).
    """
    value = new.value - base.value
    if new.low is None or new.high is None or base.low is None or base.high is None:
        return Estimate(value)
    down = math.hypot(new.value - new.low, base.high - base.value)
    up = math.hypot(new.high - new.value, base.value - base.low)
    return Estimate(value, value - down, value + up)


def relative_change(new: Estimate, base: Estimate) -> Estimate:
    """Return new / base - 1 of positive estimates: `difference` of their logarithms.

    A lower bound of 0 leaves the ratio without a bound, and so without an interval.
    """
    value = new.value / base.value - 1
    bounds = (new.low, new.high, base.low, base.high)
    if any(bound is None or bound <= 0 for bound in bounds):
        return Estimate(value)
    return difference(_log(new), _log(base)).mapped(math.expm1)


def _log(estimate: Estimate) -> Estimate:
    return estimate.mapped(math.log)
