"""Two one-sided tests: is a difference within a margin, and is it there at all?

The hypothesis that is rejected is |difference| >= margin (Schuirmann 1987, Journal of
Pharmacokinetics and Biopharmaceutics 15; Lakens 2017, Social Psychological and Personality Science
8). Both one-sided tests have to reject, so that their two errors need no correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import satterthwaite_df, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A mean difference, candidate - reference, with its standard error."""

    value: float
    standard_error: float
    df: float
    spread: float  # standard deviation that a larger sample divides by: see `needed_pairs`
    is_paired: bool

    @property
    def estimate(self) -> Estimate:
        """The difference with its 95 % interval."""
        reach = t_quantile(self.df) * self.standard_error
        return Estimate(self.value, self.value - reach, self.value + reach)

    def p_equivalent(self, margin: float) -> float:
        """Return the p-value of |difference| >= margin: small where they are equivalent."""
        return float(p_equivalent(self.value, self.standard_error, self.df, margin))

    @property
    def p_different(self) -> float:
        """The two-sided p-value of no difference."""
        if self.standard_error == 0:
            return 0.0 if self.value else 1.0
        return float(2 * stdtr(self.df, -abs(self.value) / self.standard_error))


def p_equivalent(
    value: np.ndarray | float, standard_error: np.ndarray | float, df: float, margin: float
) -> np.ndarray:
    """Return the larger p-value of the two one-sided t-tests, for arrays of one shape."""
    room = margin - np.abs(value)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(np.asarray(standard_error) > 0, room / standard_error, np.sign(room) * np.inf)
    return np.asarray(stdtr(df, -t))


def paired(differences: Sequence[float], least_spread: float = 0.0) -> Difference:
    """Return the mean of differences between pairs, df = n - 1.

    Args:
        differences: Candidate - reference of two pairs or more.
        least_spread: Standard deviation that the resolution of the values leaves, where theirs is
            smaller: equal readings are not equal values.
    """
    values = np.asarray(differences, dtype=float)
    spread = max(float(values.std(ddof=1)), least_spread)
    return Difference(
        value=float(values.mean()),
        standard_error=spread / math.sqrt(len(values)),
        df=len(values) - 1,
        spread=spread,
        is_paired=True,
    )


def unpaired(
    candidate: Sequence[float], reference: Sequence[float], least_spread: float = 0.0
) -> Difference:
    """Return the difference of two means with Welch's degrees of freedom.

    Args:
        candidate: Two values or more.
        reference: Two values or more.
        least_spread: As of `paired`, of a single difference.
    """
    ours, theirs = np.asarray(candidate, dtype=float), np.asarray(reference, dtype=float)
    floor = least_spread**2 / 2
    variances = [max(float(x.var(ddof=1)), floor) for x in (ours, theirs)]
    parts = tuple(
        (v / len(x), float(len(x) - 1)) for v, x in zip(variances, (ours, theirs), strict=True)
    )
    return Difference(
        value=float(ours.mean() - theirs.mean()),
        standard_error=math.sqrt(sum(v for v, _ in parts)),
        df=satterthwaite_df(parts),
        spread=math.sqrt(sum(variances)),
        is_paired=False,
    )
