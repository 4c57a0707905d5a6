"""With how many seeds an equivalence test can succeed: its power, and the pairs that it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv, ndtr

from ray_bench.stats.means import t_quantile

#: More pairs than that are not a plan.
MAX_PAIRS = 200
#: Of the spread's upper one-sided bound when it was itself measured (Browne 1995, Statistics in
#: Medicine 14: with the bound at 80 %, a plan has its power in about 80 % of cases).
SPREAD_BOUND_FRAC = 0.80
_NUM_NODES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Pairs in all, None where more than `MAX_PAIRS`, if the true difference is 0."""

    for_80: int | None
    for_90: int | None
    for_90_at_bound: int | None  # if the spread is as large as its upper bound


def power(
    spread: float, margin: float, num_pairs: int, *, alpha: float = 0.05, true: float = 0.0
) -> float:
    """Return the probability that two one-sided tests of paired differences show equivalence.

    The integral over the sample's standard deviation s of
    P(-margin + t s / sqrt(n) < mean < margin - t s / sqrt(n)), which is exact for normal
    differences (Phillips 1990, Journal of Pharmacokinetics and Biopharmaceutics 18).

    Args:
        spread: True standard deviation of a difference.
        margin: Largest difference that counts as none.
        num_pairs: 2 or more.
        alpha: Error rate of the test.
        true: The true difference.
    """
    if spread <= 0:
        return float(abs(true) < margin)
    ratios, weights = _chi_nodes(num_pairs - 1)
    error = spread / math.sqrt(num_pairs)
    room = margin - t_quantile(num_pairs - 1, 1 - 2 * alpha) * error * ratios
    inside = ndtr((room - true) / error) - ndtr((-room - true) / error)
    return float(weights @ np.maximum(inside, 0.0))


@lru_cache(maxsize=MAX_PAIRS)
def _chi_nodes(df: int) -> tuple[np.ndarray, np.ndarray]:
    """Return quantiles of s / sigma and their weights, shape (num_nodes,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(_NUM_NODES)
    return np.sqrt(_chi_square(df, (nodes + 1) / 2) / df), weights / 2


def _chi_square(df: float, probability: np.ndarray | float) -> np.ndarray:
    """Return quantiles of chi^2."""
    return np.asarray(2 * gammaincinv(df / 2, probability))


def needed_pairs(spread: float, margin: float, wanted: float, *, alpha: float = 0.05) -> int | None:
    """Return the fewest pairs with a power; None where `MAX_PAIRS` are too few."""
    if power(spread, margin, MAX_PAIRS, alpha=alpha) < wanted:
        return None
    low, high = 1, MAX_PAIRS  # power rises with the pairs
    while high - low > 1:
        middle = (low + high) // 2
        if power(spread, margin, middle, alpha=alpha) >= wanted:
            high = middle
        else:
            low = middle
    return high


def needed(spread: float, df: float, margin: float, *, alpha: float = 0.05) -> Needed:
    """Return the pairs for powers of 80 and 90 %, at a spread that was measured with df."""
    bound = spread * math.sqrt(df / float(_chi_square(df, 1 - SPREAD_BOUND_FRAC)))
    return Needed(
        for_80=needed_pairs(spread, margin, 0.80, alpha=alpha),
        for_90=needed_pairs(spread, margin, 0.90, alpha=alpha),
        for_90_at_bound=needed_pairs(bound, margin, 0.90, alpha=alpha),
    )
