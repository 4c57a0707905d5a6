"""Which law is taken: the simplest of those that predict as well as the best one.

Laws are compared on the errors of both back-tests together. Of all laws whose mean error is within
one standard error of the best law's, the one with the fewest parameters is taken (Hastie,
Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 7.10). A law with as
many parameters as there are points passes through all of them whatever the truth is; it is refused.
Where every law misses some point by a lot, no law is taken; `shapes.py` names the points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.fit.backtest import BackTest
from ray_bench.analysis.fit.law_fit import LawFit, fit_law
from ray_bench.analysis.fit.points import Points

#: A law that misses a point by more, and by more than its noise explains, does not fit.
MAX_MISS = 0.15
#: Standard deviations of a point's own noise that a law may miss it by.
MAX_SIGMAS = 4.0
#: Errors are equal up to this, so that exact data do not decide by rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A law that was tried, with its errors and its weight in the forecast."""

    test: BackTest
    fit: LawFit
    weight: float
    mean_error: float  # of both back-tests, |ln(predicted / measured)|

    @property
    def worst_miss(self) -> float:
        """The largest |ln(measured / law)| of the fit to all points."""
        return float(np.abs(self.fit.residuals).max())


def candidates_of(
    tests: Sequence[BackTest], weights: np.ndarray, points: Points
) -> tuple[Candidate, ...]:
    """Return the laws with their fits, the largest weight first."""
    errors = _error_table(tests, points)
    found = [
        Candidate(
            test=test, fit=fit_law(test.law, points), weight=float(w), mean_error=float(row.mean())
        )
        for test, w, row in zip(tests, weights, errors, strict=True)
    ]
    return tuple(sorted(found, key=lambda x: (-x.weight, x.test.law.num_parameters)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The law that is taken, and what it was taken for."""

    taken: Candidate
    best: Candidate  # the least mean error of the back-tests; may be the taken one
    num_fitting: int  # laws that miss no point by a lot


def choose(candidates: Sequence[Candidate], points: Points) -> Candidate | None:
    """Return the law that is taken, None where none fits."""
    found = ruling(candidates, points)
    return None if found is None else found.taken


def ruling(candidates: Sequence[Candidate], points: Points) -> Ruling | None:
    """Return the law that is taken with the reason for it, None where none fits."""
    allowed = [x for x in candidates if x.test.law.num_parameters < len(points)]
    fitting = [x for x in allowed if fits(x.fit)]
    if not fitting:
        return None
    table = _error_table([x.test for x in fitting], points)
    means = table.mean(axis=1)
    best = int(means.argmin())
    spread = table[best].std(ddof=1) if table.shape[1] > 1 else 0.0
    limit = means[best] + spread / math.sqrt(table.shape[1]) + _ROUNDING
    near = [i for i in range(len(fitting)) if means[i] <= limit]
    taken = min(near, key=lambda i: (fitting[i].test.law.num_parameters, means[i]))
    return Ruling(taken=fitting[taken], best=fitting[best], num_fitting=len(fitting))


def fits(fit: LawFit) -> bool:
    """Whether a law misses no point by a lot."""
    allowed = np.maximum(MAX_MISS, MAX_SIGMAS * np.sqrt(fit.points.noise))
    return bool((np.abs(fit.residuals) <= allowed).all())


def _error_table(tests: Sequence[BackTest], points: Points) -> np.ndarray:
    """Return |error| by law and back-tested point, shape (num_laws, num_errors).

    Where a law could not be fitted it gets the median of those that could. Errors across a node
    boundary that the rest of the points do not cross count for no law: none can know it.
    """
    rows = [
        [
            abs(errors.get(i, math.nan))
            for errors in (t.forward, t.left_out)
            for i in range(len(points))
        ]
        for t in tests
    ]
    table = np.array(rows)
    many = points.place.num_nodes > 1
    others = many.sum() - many
    blind = np.concatenate([many & (np.cumsum(many) == 1), many & (others == 0)])
    is_asked = ~np.isnan(table).all(axis=0)
    table = table[:, is_asked & ~blind if (is_asked & ~blind).any() else is_asked]
    return np.where(np.isnan(table), np.nanmedian(table, axis=0), table)
