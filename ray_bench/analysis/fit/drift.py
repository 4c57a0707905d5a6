"""How far the truth may wander from a law, and what that makes of a law's prediction.

No law is right. The log of the cost of a sample is taken as law + drift + noise, where the drift is
a random walk in log2 N: from one world size to the next it adds a step of unknown sign, so a
prediction starts from the last points and its interval widens with the distance from the data (law
discrepancy: Kennedy and O'Hagan 2001, JRSS B 63(3); the arithmetic is universal kriging: Cressie
1993, Statistics for Spatial Data, section 3.4). The walk takes a longer step where the machine
changes its nature: from one worker to several, and from one node to several. What a
law says that is lost beyond the data is known to a share only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.laws.catalog import AnyLaw
from ray_bench.analysis.laws.place import Place

#: Variance of the unknown level of a curve: wide against everything else.
_LEVEL_VARIANCE = 1.0
#: Standard deviations from 0 at which a bound there no longer matters.
_FAR_FROM_BOUND = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Standard deviations of ln cost. Prior guesses, which the back-test's errors then scale."""

    per_doubling: float = 0.02
    first_worker: float = 0.02  # a single worker neither communicates nor waits
    node_boundary: float = 0.15  # another link; published curves lose from 0 to half
    known_boundary: float = 0.02  # the same for a law that has a term for it
    boundary_cost: float = 0.08  # what is expected of a boundary that was not measured
    loss_share: float = 0.3  # of the loss that a law adds beyond the data
    is_link_stated: bool = False  # the boundary's cost is that of a link that was stated

    def scaled(self, variance_ratio: float) -> Drift:
        """Return the drift with all variances times a factor."""
        factor = math.sqrt(variance_ratio)
        return replace(self, **{name: factor * getattr(self, name) for name in _DEVIATIONS})

    def clock(self, place: Place, law: AnyLaw) -> np.ndarray:
        """Return the variance of the walk up to every place, from a common start."""
        is_known = law.family in ("node", "node_tree")
        boundary = self.known_boundary if is_known else self.node_boundary
        return np.asarray(
            self.per_doubling**2 * np.log2(place.world_size)
            + self.first_worker**2 * (place.world_size > 1)
            + boundary**2 * (place.num_nodes > 1)
        )


_DEVIATIONS = (
    "per_doubling",
    "first_worker",
    "node_boundary",
    "known_boundary",
    "loss_share",
)


def _covariance(one: np.ndarray, other: np.ndarray, start: float) -> np.ndarray:
    """Return the covariance of a walk that is 0 at `start` and goes both ways."""
    a, b = np.abs(one - start)[:, None], np.abs(other - start)[None, :]
    return np.asarray((a + b - np.abs(one[:, None] - other[None, :])) / 2 + _LEVEL_VARIANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A law that was fitted to points and is carried on from them."""

    law: AnyLaw
    points: Points
    coefficients: np.ndarray  # shape (num_coefficients,)
    clock: np.ndarray
    inverse: np.ndarray  # of the covariance of the points
    drift: Drift

    def predict(self, place: Place, new_noise: float) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of ln cost of a new run at every place."""
        place = replace(place, largest=float(self.points.place.world_size[-1]))
        clock = self.drift.clock(place, self.law)
        start = self.clock[0]
        across = _covariance(clock, self.clock, start)
        weights = across @ self.inverse
        at_points = self.law.log_cost(self.coefficients[None], self.points.place)[0]
        law = self.law.log_cost(self.coefficients[None], place)[0]
        mean = law + weights @ (self.points.log_cost - at_points)
        own = np.abs(clock - start) + _LEVEL_VARIANCE
        variance = own - (weights * across).sum(axis=1) + self._law_variance(place, weights)
        loss = np.where(place.world_size > place.largest, law - at_points[-1], 0.0)
        variance = variance + (self.drift.loss_share * loss) ** 2
        crossed = (place.num_nodes > 1) & (not self.points.place.has_many_nodes)
        return mean + self.drift.boundary_cost * crossed, np.maximum(variance, 0.0) + new_noise

    def _law_variance(self, place: Place, weights: np.ndarray) -> np.ndarray:
        slopes = self.law.slopes(self.coefficients, self.points.place)
        there = self.law.slopes(self.coefficients, place) - weights @ slopes
        spread = np.linalg.pinv(slopes.T @ self.inverse @ slopes, hermitian=True)
        room = self._room(np.sqrt(np.maximum(np.diagonal(spread), 0.0)))
        spread = spread * room[:, None] * room[None, :]
        return np.asarray(np.einsum("pk,kl,pl->p", there, spread, there))

    def _room(self, sd: np.ndarray) -> np.ndarray:
        """Return what is left of every coefficient's standard deviation by its bound at 0.

        That of a normal distribution that is cut off at 0: 0.6 at the bound, 1 far from it.
        """
        from scipy.special import ndtr

        value = self.coefficients[: len(sd)]
        z = np.divide(value, sd, out=np.full(len(sd), np.inf), where=sd > 0)
        z = np.minimum(z, _FAR_FROM_BOUND)
        ratio = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / ndtr(z)
        cut = np.sqrt(np.maximum(1 - z * ratio - ratio**2, 0.0))
        return np.where(self.law.is_free[: len(sd)], 1.0, cut)


def carry(law: AnyLaw, points: Points, drift: Drift) -> Carried:
    """Fit a law by generalised least squares under the drift."""
    clock = drift.clock(points.place, law)
    covariance = _covariance(clock, clock, clock[0]) + np.diag(points.noise)
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    return Carried(
        law=law,
        points=points,
        coefficients=law.fit(points.place, points.log_cost[None], root)[0],
        clock=clock,
        inverse=root.T @ root,
        drift=drift,
    )
