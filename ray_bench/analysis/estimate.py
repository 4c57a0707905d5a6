"""A number with its 95 % interval, and the logarithm of a positive number with its variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

#: repeats: spread between runs. within_run: spread of the timed blocks of single runs.
Source = Literal["repeats", "within_run", "none"]

#: Every interval of the product has this coverage.
COVERAGE_FRAC = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval; the bounds are None where the data give none."""

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate times a constant that is 0 or more."""
        return self.mapped(lambda x: x * factor)

    def mapped(self, function: Callable[[float], float]) -> Estimate:
        """Return a monotone function of the estimate, falling or rising, bounds in order."""
        if self.low is None or self.high is None:
            return Estimate(function(self.value))
        first, last = sorted((function(self.low), function(self.high)))
        return Estimate(function(self.value), first, last)

    def contains(self, number: float) -> bool:
        """Return whether the interval exists and contains the number."""
        return self.low is not None and self.high is not None and self.low <= number <= self.high


def t_quantile(df: float, level: float = COVERAGE_FRAC) -> float:
    """Return how many standard errors a two-sided t-interval reaches (1.96: 95 %, large df)."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


@dataclass(frozen=True, slots=True)
class LogEstimate:
    """The mean logarithm of a positive quantity, with the variance of that mean."""

    log_mean: float
    variance: float | None
    df: float | None
    num_runs: int
    source: Source

    @property
    def estimate(self) -> Estimate:
        """The quantity itself: exp(mean log), the geometric mean over runs."""
        return self.at(COVERAGE_FRAC)

    def at(self, level: float) -> Estimate:
        """Return the quantity with an interval of another coverage."""
        value = math.exp(self.log_mean)
        if self.variance is None or self.df is None:
            return Estimate(value)
        reach = t_quantile(self.df, level) * math.sqrt(self.variance)
        return Estimate(value, value * math.exp(-reach), value * math.exp(reach))


def value_of(log_estimate: LogEstimate | None) -> Estimate | None:
    """Return the quantity of which the logarithm was estimated, None if there is none."""
    return None if log_estimate is None else log_estimate.estimate


def log_ratio(top: LogEstimate, bottom: LogEstimate) -> LogEstimate:
    """Return top / bottom of two independent estimates.

    Var(ln R) = Var(ln top) + Var(ln bottom), with the degrees of freedom of Welch and
    Satterthwaite (Welch 1947, Biometrika 34): the noise of the two need not be equal.
    """
    log_mean = top.log_mean - bottom.log_mean
    runs = min(top.num_runs, bottom.num_runs)
    if top.variance is None or bottom.variance is None or top.df is None or bottom.df is None:
        return LogEstimate(log_mean, None, None, runs, "none")
    variance = top.variance + bottom.variance
    df = satterthwaite_df(((top.variance, top.df), (bottom.variance, bottom.df)))
    return LogEstimate(log_mean, variance, df, runs, top.source)


def satterthwaite_df(parts: tuple[tuple[float, float], ...]) -> float:
    """Return the degrees of freedom of a sum of independent (variance, df)."""
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return min(df for _, df in parts)
    return total**2 / sum(variance**2 / df for variance, df in parts)
