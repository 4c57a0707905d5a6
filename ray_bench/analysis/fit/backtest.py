"""How well a law would have predicted what was measured: the only ground on which it is chosen.

Leave-largest-out: each point is predicted from the smaller world sizes alone (rolling origin:
Tashman 2000, Int. J. Forecasting 16(4)). The errors, each against its own spread, add up to the
law's score, the logarithm of the density that it gave to the data one after the other (prequential:
Dawid 1984, JRSS A 147(2)). Leave-one-out: each point is predicted from all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.fit.drift import Drift, carry
from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.laws.catalog import AnyLaw

#: The prior of the drift's scale counts like so many errors that were seen.
PRIOR_DF = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """The prediction errors of a law, ln(predicted / measured) of throughput, by row of a point."""

    law: AnyLaw
    forward: dict[int, float]  # leave-largest-out, where there were enough points to fit
    left_out: dict[int, float]  # leave-one-out, likewise
    score: float  # log density of the data, larger is better
    scale: float  # what the drift's variance has to be multiplied with
    df: float

    @property
    def largest_error(self) -> float | None:
        """The error at the largest world size, predicted from all others."""
        return self.forward[max(self.forward)] if self.forward else None

    @property
    def forward_error(self) -> float | None:
        """The mean relative error of leave-largest-out."""
        return _mean_relative(self.forward)

    @property
    def left_out_error(self) -> float | None:
        """The mean relative error of leave-one-out."""
        return _mean_relative(self.left_out)


def back_tests(laws: Sequence[AnyLaw], points: Points, drift: Drift) -> tuple[BackTest, ...]:
    """Predict every point from the smaller ones, and from all others, with every law.

    Where the smaller ones are too few for a law, it gets the mean density of the laws for which
    they are enough: it is neither rewarded nor punished for what it cannot be asked. A point that
    no law can be asked counts for none.
    """
    found = [_Forward.of(law, points, drift) for law in laws]
    asked = np.array([x.log_density for x in found])
    asked = asked[:, ~np.isnan(asked).all(axis=0)]
    known = ~np.isnan(asked)
    mean = np.log(np.where(known, np.exp(asked), 0.0).sum(axis=0) / known.sum(axis=0))
    scores = np.where(known, asked, mean).sum(axis=1)
    return tuple(
        BackTest(
            law=law,
            forward=x.errors,
            left_out=_leave_one_out(law, points, drift),
            score=float(score),
            scale=x.scale,
            df=x.df,
        )
        for law, x, score in zip(laws, found, scores, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forward:
    log_density: np.ndarray  # shape (num_points - 1,), NaN where the law could not be fitted
    errors: dict[int, float]  # by row
    scale: float
    df: float

    @classmethod
    def of(cls, law: AnyLaw, points: Points, drift: Drift) -> _Forward:
        density = np.full(len(points) - 1, np.nan)
        total, df = PRIOR_DF, PRIOR_DF
        errors: dict[int, float] = {}
        for count in range(1, len(points)):
            known, new = points.take(slice(count)), points.take(slice(count, count + 1))
            if not _can_fit(law, known):
                continue
            error, variance = _error(law, known, new, drift)
            errors[count] = error
            density[count - 1] = _log_density(error, variance * total / df, df)
            total += error**2 / variance
            df += 1
        return cls(log_density=density, errors=errors, scale=total / df, df=df)


def _can_fit(law: AnyLaw, points: Points) -> bool:
    return len(points) >= law.num_parameters and law.applies(points.place, points.mode)


def _error(law: AnyLaw, known: Points, new: Points, drift: Drift) -> tuple[float, float]:
    mean, variance = carry(law, known, drift).predict(new.place, float(new.noise[0]))
    return float(new.log_cost[0] - mean[0]), float(variance[0])


def _leave_one_out(law: AnyLaw, points: Points, drift: Drift) -> dict[int, float]:
    errors = {}
    for i in range(len(points)):
        others = points.take(np.arange(len(points)) != i)
        if _can_fit(law, others):
            new = points.take(slice(i, i + 1))
            errors[i] = _error(law, others, new, drift)[0]
    return errors


def _log_density(error: float, variance: float, df: float) -> float:
    """Return the log density of Student's t at an error, of squared scale `variance`."""
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    tail = math.log1p(error**2 / variance / df)
    return constant - math.log(variance) / 2 - (df + 1) / 2 * tail


def _mean_relative(errors: dict[int, float]) -> float | None:
    if not errors:
        return None
    return float(np.mean([abs(math.expm1(e)) for e in errors.values()]))
