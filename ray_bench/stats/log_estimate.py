"""Logarithms of positive quantities with their variance: means over repeats, ratios, products."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate
from ray_bench.stats.means import Part, mean_variance, satterthwaite_df, t_quantile

#: repeats: spread between runs. within_run: spread of the timed blocks of single runs.
Source = Literal["repeats", "within_run", "none"]

#: Runs per world size, on average, from which the spread between runs is used.
MIN_MEAN_RUNS = 2
#: Smaller relative variances are rounding: 1e-9 of the value, squared.
MIN_VARIANCE = 1e-18

Key = TypeVar("Key")


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

    @property
    def inverse(self) -> LogEstimate:
        """1 / the quantity, such as seconds a sample of samples/s."""
        return replace(self, log_mean=-self.log_mean)

    @property
    def part(self) -> Part | None:
        """Variance and degrees of freedom, None without an interval."""
        return None if self.variance is None or self.df is None else (self.variance, self.df)

    def at(self, level: float) -> Estimate:
        """Return the quantity with an interval of another coverage."""
        value, reach = math.exp(self.log_mean), self.half_width(level)
        if reach is None:
            return Estimate(value)
        return Estimate(value, value * math.exp(-reach), value * math.exp(reach))

    def half_width(self, level: float = COVERAGE_FRAC) -> float | None:
        """Return half the width of the interval of the logarithm; None without one."""
        if self.variance is None or self.df is None:
            return None
        return t_quantile(self.df, level) * math.sqrt(self.variance)

    def widened(self, num_choices: int) -> LogEstimate:
        """Return the estimate of what these data chose from several: its interval allows for that.

        Its 95 % interval is the one at 1 - 0.05 / num_choices, so that those of all of them hold
        together, whichever was chosen (Bonferroni; Miller 1981, Simultaneous Statistical
        Inference). The variance is made to match, for what is computed from it.
        """
        if num_choices < 2 or self.variance is None or self.df is None:
            return self
        return replace(self, variance=self.variance * widening(self.df, num_choices) ** 2)

    def times(self, factor: float) -> LogEstimate:
        """Return the quantity times a constant above 0."""
        return replace(self, log_mean=self.log_mean + math.log(factor))


def widening(df: float, num_choices: int) -> float:
    """Return by how much `LogEstimate.widened` makes an interval wider."""
    return t_quantile(df, 1 - (1 - COVERAGE_FRAC) / num_choices) / t_quantile(df)


def value_of(log_estimate: LogEstimate | None) -> Estimate | None:
    """Return the quantity of which the logarithm was estimated, None if there is none."""
    return None if log_estimate is None else log_estimate.estimate


def log_ratio(top: LogEstimate, bottom: LogEstimate) -> LogEstimate:
    """Return top / bottom of two independent estimates.

    Var(ln R) = Var(ln top) + Var(ln bottom), with the degrees of freedom of Welch and
    Satterthwaite (Welch 1947, Biometrika 34): the noise of the two need not be equal.
    """
    return log_product(top, bottom.inverse)


def log_product(one: LogEstimate, other: LogEstimate) -> LogEstimate:
    """Return the product of two independent estimates; its interval as that of a ratio."""
    log_mean = one.log_mean + other.log_mean
    runs = min(one.num_runs, other.num_runs)
    if one.part is None or other.part is None:
        return LogEstimate(log_mean, None, None, runs, "none")
    variance, df = one.part[0] + other.part[0], satterthwaite_df((one.part, other.part))
    return LogEstimate(log_mean, variance, df, runs, one.source)


def mean_log(logs: Sequence[float] | np.ndarray) -> LogEstimate:
    """Return the mean of independent logarithms, with their own variance.

    Var(mean) = s^2 / n, df = n - 1; of a single value there is none. Logarithms that are equal to
    the last digit show no noise, and not that there is none.
    """
    found = np.asarray(logs, dtype=float)
    part, count = mean_variance(found), len(found)
    if part is None:
        return LogEstimate(float(found.mean()), None, None, count, "none")
    variance = max(part[0], MIN_VARIANCE / count)
    return LogEstimate(float(found.mean()), variance, part[1], count, "repeats")


def log_means(samples: Sequence[Sequence[float]]) -> list[LogEstimate]:
    """Return the mean logarithm of every sample, each with the variance of its own values.

    s_i^2 = sum_j (ln x_ij - mean_i)^2 / (n_i - 1); Var(mean_i) = s_i^2 / n_i, df = n_i - 1. One
    variance for all world sizes would be narrower, but it is wrong where the noise differs: with
    three runs each and one world size three times as noisy, a 95 % interval of its speedup covers
    85 % with a pooled variance and 95 % with its own (tests/analysis/test_coverage.py). A sample
    with a single value takes the pooled variance of the others. With fewer than two values per
    sample on average there is no variance.
    """
    logs = [np.log(np.asarray(values, dtype=float)) for values in samples]
    num_values = sum(len(x) for x in logs)
    df = num_values - len(logs)
    if df < 1 or num_values < MIN_MEAN_RUNS * len(logs):
        return [LogEstimate(float(x.mean()), None, None, len(x), "none") for x in logs]
    spread = max(sum(float(((x - x.mean()) ** 2).sum()) for x in logs) / df, MIN_VARIANCE)
    return [
        mean_log(x) if len(x) > 1 else LogEstimate(float(x[0]), spread, df, 1, "repeats")
        for x in logs
    ]


def pooled(estimates: Mapping[Key, LogEstimate]) -> dict[Key, LogEstimate]:
    """Return the same means with one relative variance of a run, pooled over the world sizes.

    s^2 = sum_i df_i s_i^2 / sum_i df_i, Var(mean_i) = s^2 / n_i. For a fit over all world sizes:
    weights from the two degrees of freedom of three runs would be noise themselves. Estimates that
    do not come from repeats are returned as they are.
    """
    own = [x for x in estimates.values() if x.num_runs > 1 and x.source == "repeats"]
    if not own or any(x.source != "repeats" for x in estimates.values()):
        return dict(estimates)
    df = sum(x.df or 0.0 for x in own)
    variance = sum((x.df or 0.0) * (x.variance or 0.0) * x.num_runs for x in own) / df
    return {
        n: LogEstimate(x.log_mean, variance / x.num_runs, df, x.num_runs, "repeats")
        for n, x in estimates.items()
    }


def source_of(estimates: Iterable[LogEstimate]) -> Source:
    """Return where the intervals come from; of several sources, the weaker one."""
    found = {x.source for x in estimates}
    if not found or found == {"none"}:
        return "none"
    return "repeats" if found == {"repeats"} else "within_run"
