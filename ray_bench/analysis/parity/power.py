"""With how many seeds an equivalence test can succeed: its power, and the pairs that it needs."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    """Pairs in all to show equivalence if the true difference is 0; None: more than `MAX_PAIRS`."""

    for_80: int | None
    for_90: int | None
    for_90_at_bound: int | None  # if the spread is as large as its upper bound
    for_difference: int | None  # to show, with a power of 80 %, a difference as large as was found


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


def difference_power(spread: float, true: float, num_pairs: int, *, alpha: float = 0.05) -> float:
    """Return the probability that a two-sided paired t-test shows a true difference."""
    if spread <= 0:
        return float(true != 0)
    ratios, weights = _chi_nodes(num_pairs - 1)
    shift = abs(true) / spread * math.sqrt(num_pairs)
    reach = t_quantile(num_pairs - 1, 1 - alpha) * ratios
    return float(1 - weights @ (ndtr(reach - shift) - ndtr(-reach - shift)))


def needed_pairs(spread: float, margin: float, wanted: float, *, alpha: float = 0.05) -> int | None:
    """Return the fewest pairs that show equivalence with a power; None: more than `MAX_PAIRS`."""
    return _fewest(lambda n: power(spread, margin, n, alpha=alpha), wanted)


def _fewest(power_of: Callable[[int], float], wanted: float) -> int | None:
    if power_of(MAX_PAIRS) < wanted:
        return None
    low, high = 1, MAX_PAIRS  # power rises with the pairs
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle) >= wanted:
            high = middle
        else:
            low = middle
    return high


def needed(
    spread: float, df: float, margin: float, found: float = 0.0, *, alpha: float = 0.05
) -> Needed:
    """Return the pairs that are needed.

    Args:
        spread: Standard deviation of a difference, as measured.
        df: Its degrees of freedom.
        margin: Largest difference that counts as none.
        found: The difference that was found.
        alpha: Error rate of the tests.
    """
    bound = spread * math.sqrt(df / float(_chi_square(df, 1 - SPREAD_BOUND_FRAC)))
    return Needed(
        for_80=needed_pairs(spread, margin, 0.80, alpha=alpha),
        for_90=needed_pairs(spread, margin, 0.90, alpha=alpha),
        for_90_at_bound=needed_pairs(bound, margin, 0.90, alpha=alpha),
        for_difference=_fewest(lambda n: difference_power(spread, found, n, alpha=alpha), 0.80),
    )
