"""Which law is taken: the simplest of those that predict as well as the best one.

Laws are compared on the errors of both back-tests together. Of all laws whose mean error is within
one standard error of the best law's, the one with the fewest parameters is taken (Hastie,
Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 7.10). A law with as
many parameters as there are points passes through all of them whatever the truth is; it is refused.
Where every law misses some point by a lot, no law is taken, and the points that spoil it are named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.fit.backtest import BackTest
from ray_bench.analysis.fit.law_fit import LawFit, fit_law
from ray_bench.analysis.fit.points import Points

#: A law that misses a point by more, and by more than its noise explains, does not fit.
MAX_MISS = 0.15
#: Standard deviations of a point's own noise that a law may miss it by.
_MAX_SIGMAS = 4.0
#: Errors are equal up to this, so that exact data do not decide by rounding.
_ROUNDING = 1e-6

#: outlier: without the point a law fits. cliff: a sample costs much more from there on. plateau:
#: more workers, no more throughput.
Trouble = Literal["outlier", "cliff", "plateau"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """A point that stands out."""

    world_size: float
    before: float | None  # the world size before it
    trouble: Trouble
    change: float  # relative, of what it stands out by


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


def choose(candidates: Sequence[Candidate], points: Points) -> Candidate | None:
    """Return the law that is taken, None where none fits."""
    allowed = [x for x in candidates if x.test.law.num_parameters < len(points)]
    fitting = [x for x in allowed if _fits(x.fit)]
    if not fitting:
        return None
    table = _error_table([x.test for x in fitting], points)
    means = table.mean(axis=1)
    best = int(means.argmin())
    spread = table[best].std(ddof=1) if table.shape[1] > 1 else 0.0
    limit = means[best] + spread / math.sqrt(table.shape[1]) + _ROUNDING
    near = [i for i in range(len(fitting)) if means[i] <= limit]
    taken = min(near, key=lambda i: (fitting[i].test.law.num_parameters, means[i]))
    return fitting[taken]


def spoilers(candidates: Sequence[Candidate], points: Points) -> tuple[Spoiler, ...]:
    """Return the points that stand out, also where a law with a term for them fits."""
    found = [*_cliffs(points), *_plateaus(points)]
    if not any(_fits(x.fit) for x in candidates):
        lone = _outlier(candidates, points)
        if lone and lone.world_size not in {x.world_size for x in found}:
            found.append(lone)
        if not found:
            least = min(candidates, key=lambda x: x.worst_miss)
            worst = int(np.abs(least.fit.residuals).argmax())
            miss = math.expm1(float(least.fit.residuals[worst]))
            found = [_spoiler(points, worst, "outlier", miss)]
    return tuple(found)


def _fits(fit: LawFit) -> bool:
    allowed = np.maximum(MAX_MISS, _MAX_SIGMAS * np.sqrt(fit.points.noise))
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


def _spoiler(points: Points, index: int, trouble: Trouble, change: float) -> Spoiler:
    sizes = points.place.world_size
    return Spoiler(
        world_size=float(sizes[index]),
        before=float(sizes[index - 1]) if index else None,
        trouble=trouble,
        change=change,
    )


def _outlier(candidates: Sequence[Candidate], points: Points) -> Spoiler | None:
    """Return the point without which some law fits best, if one fits at all."""
    best: tuple[float, int, float] | None = None
    for i in range(len(points)):
        others = points.take(np.arange(len(points)) != i)
        for law in (x.test.law for x in candidates):
            if law.num_parameters >= len(others) - 1 or not law.applies(others.place, others.mode):
                continue
            fit = fit_law(law, others, num_draws=0)
            miss = float(np.abs(fit.residuals).max())
            if _fits(fit) and (best is None or miss < best[0]):
                there = law.log_cost(fit.coefficients[None], points.place)[0][i]
                best = miss, i, math.expm1(float(there - points.log_cost[i]))
    return None if best is None else _spoiler(points, best[1], "outlier", best[2])


def _cliffs(points: Points) -> list[Spoiler]:
    """Return where a sample suddenly costs more, per doubling and against the other steps."""
    steps = np.diff(points.log_cost)
    found = []
    for i, step in enumerate(steps):
        others = np.delete(steps, i)
        usual = max(0.0, float(np.median(others))) if len(others) else 0.0
        noise = _MAX_SIGMAS * math.sqrt(points.noise[i] + points.noise[i + 1])
        if step > max(MAX_MISS, 3 * usual, noise) and not _is_flat(points, i):
            found.append(_spoiler(points, i + 1, "cliff", -math.expm1(-float(step))))
    return found


def _plateaus(points: Points) -> list[Spoiler]:
    rows = range(len(points) - 1)
    growth = np.diff(points.log_throughput)
    return [
        _spoiler(points, i + 1, "plateau", math.expm1(float(growth[i])))
        for i in rows
        if _is_flat(points, i)
    ]


def _is_flat(points: Points, index: int) -> bool:
    """Whether throughput stands still while the workers become half as many again or more."""
    more = points.place.world_size[index + 1] / points.place.world_size[index]
    growth = float(np.diff(points.log_throughput)[index])
    return more >= 1.5 and abs(growth) < 0.1 * math.log(more)
