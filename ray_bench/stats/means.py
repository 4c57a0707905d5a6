"""Means with t-intervals, of independent values and of series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate

#: Variance of a mean, and its degrees of freedom.
Part = tuple[float, float]

#: A larger correlation of neighbours cannot be told from a trend with 30 batches.
_MAX_CORRELATION = 0.9


def t_quantile(df: float, level: float = COVERAGE_FRAC) -> float:
    """Return how many standard errors a two-sided t-interval reaches (1.96: 95 %, large df)."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2))


def satterthwaite_df(parts: Sequence[Part]) -> float:
    """Return the degrees of freedom of a sum of independent (variance, df)."""
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return min(df for _, df in parts)
    # Shares of the sum: squares of very small variances would be 0.
    return 1 / sum((variance / total) ** 2 / df for variance, df in parts)


def t_reach(parts: Sequence[Part], level: float = COVERAGE_FRAC) -> float:
    """Return half the width of the interval of a sum or difference of independent means.

    t sqrt(sum of variances), with the degrees of freedom of Welch and Satterthwaite.

    Args:
        parts: One or more.
        level: Coverage.
    """
    return t_quantile(satterthwaite_df(parts), level) * math.sqrt(sum(v for v, _ in parts))


def t_interval(value: float, parts: Sequence[Part]) -> Estimate:
    """Return a sum or difference of independent means with its interval; none without parts."""
    if not parts:
        return Estimate(value)
    reach = t_reach(parts)
    return Estimate(value, value - reach, value + reach)


def mean_variance(values: np.ndarray, *, is_correlated: bool = False) -> Part | None:
    """Return the variance of the mean, None of a single value.

    Args:
        values: Shape (count,), count > 0.
        is_correlated: Whether neighbours are alike, so that they are worth fewer values.
    """
    if len(values) < 2:
        return None
    count: float = len(values)
    if is_correlated:
        count = max(effective_count(values - values.mean()), 2.0)
    return float(values.var(ddof=1)) / count, count - 1


def mean_estimate(values: Sequence[float] | np.ndarray, *, is_correlated: bool = False) -> Estimate:
    """Return the mean with a t-interval; without one where there is a single value."""
    array = np.asarray(values, dtype=float)
    part = mean_variance(array, is_correlated=is_correlated)
    return t_interval(float(array.mean()), [] if part is None else [part])


def difference_of_means(first: np.ndarray, second: np.ndarray) -> tuple[float, list[Part]]:
    """Return mean(first) - mean(second) of independent values, and the variances of both.

    No variances where one of the two has a single value.
    """
    parts = [part for part in map(mean_variance, (first, second)) if part is not None]
    return float(first.mean() - second.mean()), parts if len(parts) == 2 else []


def effective_count(residual: np.ndarray) -> float:
    """Return of how many independent values a correlated series of mean 0 is worth.

    k (1 - r) / (1 + r), the effective size of an AR(1) series, with r the correlation of
    neighbours, its bias of -(1 + 4 r) / k taken out (Kendall 1954, Biometrika 41); a negative r
    counts as none.
    """
    count, squares = len(residual), float(residual @ residual)
    if squares == 0:
        return float(count)
    raw = float(residual[1:] @ residual[:-1]) / squares
    r = min(max(raw + (1 + 4 * raw) / count, 0.0), _MAX_CORRELATION)
    return count * (1 - r) / (1 + r)


def median_estimate(samples: Sequence[float] | np.ndarray) -> Estimate:
    """Return the median, its interval from order statistics (below six samples there is none).

    The k-th smallest and the k-th largest of n samples enclose the median with probability
    1 - 2 P(X < k), X binomial(n, 1/2) (Conover 1999, Practical Nonparametric Statistics).
    """
    from scipy.special import bdtr

    ordered, count = np.sort(np.asarray(samples)), len(samples)
    k = int(np.sum(bdtr(np.arange(count), count, 0.5) <= (1 - COVERAGE_FRAC) / 2))
    value = float(np.median(ordered))
    return Estimate(value, float(ordered[k - 1]), float(ordered[-k])) if k else Estimate(value)
