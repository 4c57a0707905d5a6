"""The Universal Scalability Law: workers wait for each other, and have to agree with each other.

X(N) = gamma N / (1 + sigma (N - 1) + kappa N (N - 1)), peak at N* = sqrt((1 - sigma) / kappa),
limit gamma / sigma where kappa is 0 (Gunther 1993, CMG; Gunther 2007, Guerrilla Capacity Planning,
chapter 4). The cost of a sample, N / X, is a sum: ideal + contention + coherency. gamma = X(1) is
fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter
from ray_bench.analysis.laws.place import Place

_GAMMA = Parameter("gamma", "samples/s", "throughput of 1 worker")
_SIGMA = Parameter("sigma", "1", "contention: share of work that waits for others")
_KAPPA = Parameter("kappa", "1", "coherency: cost of agreeing, per pair of workers")
_ITERATIONS = 60


def _two_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, place.batch_share * (place.world_size - 1)


def _three_terms(place: Place) -> tuple[np.ndarray, ...]:
    """Return the terms; beyond the data that of the pairs, N (N - 1), goes on along its tangent.

    Coherency seen in a few workers says little of many: on the tangent throughput levels off
    instead of falling to nothing.
    """
    n = place.world_size
    beyond = np.maximum(n - place.largest, 0.0)
    return (*_two_terms(place), place.batch_share * (n * (n - 1) - beyond**2))


def _named(coefficients: np.ndarray) -> tuple[np.ndarray, ...]:
    first, *rest = np.moveaxis(coefficients, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / first, *(x / first for x in rest)


USL2 = Law(
    key="usl2",
    title="USL with contention",
    formula="X = gamma N / (1 + sigma (N - 1))",
    parameters=(_GAMMA, _SIGMA),
    family="linear",
    terms=_two_terms,
    named=_named,
    modes=("weak", "mixed"),
)
USL3 = Law(
    key="usl3",
    title="Universal Scalability Law",
    formula="X = gamma N / (1 + sigma (N - 1) + kappa N (N - 1))",
    parameters=(_GAMMA, _SIGMA, _KAPPA),
    family="linear",
    terms=_three_terms,
    named=_named,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """What a sample costs at one world size, as shares that add up to 1."""

    ideal_frac: float
    contention_frac: float
    coherency_frac: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usl:
    """The law with its parameters."""

    gamma: float  # samples/s of 1 worker
    sigma: float
    kappa: float = 0.0

    def throughput(self, world_size: float | np.ndarray) -> np.ndarray:
        """Return samples/s."""
        n = np.asarray(world_size, dtype=float)
        return np.asarray(self.gamma * n / (1 + self.sigma * (n - 1) + self.kappa * n * (n - 1)))

    @property
    def peak(self) -> float | None:
        """The world size N* of the highest throughput; None where it never falls."""
        if self.kappa <= 0:
            return None
        return math.sqrt(max(0.0, 1 - self.sigma) / self.kappa)

    @property
    def limit(self) -> float | None:
        """The throughput that no number of workers passes; None where there is no such limit."""
        peak = self.peak
        if peak is not None:
            return float(self.throughput(max(1.0, peak)))
        return self.gamma / self.sigma if self.sigma > 0 else None

    def overhead(self, world_size: float) -> Overhead:
        """Return the split of the cost of a sample."""
        contention = self.sigma * (world_size - 1)
        coherency = self.kappa * world_size * (world_size - 1)
        total = 1 + contention + coherency
        return Overhead(
            ideal_frac=1 / total,
            contention_frac=contention / total,
            coherency_frac=coherency / total,
        )


def fit_throughput(world_size: np.ndarray, throughput: np.ndarray) -> Usl:
    """Fit the law by unweighted least squares of the throughput, as R's package usl does.

    Gauss and Newton's steps on gamma, sigma, kappa, halved until they help, with kappa >= 0: a step
    across the bound ends on it. Relative residuals, as everywhere else here, would weigh small
    throughputs more; this is for comparing with published parameters.

    Args:
        world_size: shape (num_points,), at least 3.
        throughput: shape (num_points,).
    """
    n, x = np.asarray(world_size, dtype=float), np.asarray(throughput, dtype=float)
    start = USL3.fit(
        Place(world_size=n, batch_share=np.ones_like(n)), np.log(n / x)[None, :], np.eye(len(n))
    )
    theta = np.array([v[0] for v in USL3.values(start).values()])
    free = _converged(theta, n, x, 3)
    theta = free if free[2] > 0 else np.append(_converged(theta[:2], n, x, 2), 0.0)
    return Usl(gamma=float(theta[0]), sigma=float(theta[1]), kappa=float(theta[2]))


def _converged(theta: np.ndarray, n: np.ndarray, x: np.ndarray, count: int) -> np.ndarray:
    loss = _loss(theta, n, x)
    for _ in range(_ITERATIONS):
        model = _model(theta, n)
        per_cost = model / _cost(theta, n)
        columns = (model / theta[0], -per_cost * (n - 1), -per_cost * n * (n - 1))
        step = np.linalg.lstsq(np.stack(columns[:count], axis=1), x - model, rcond=None)[0]
        while not _loss(theta + step, n, x) <= loss and np.abs(step).max() > 1e-300:
            step = step / 2
        theta, before = theta + step, loss
        loss = _loss(theta, n, x)
        if before - loss <= 1e-15 * before:
            break
    return theta


def _cost(theta: np.ndarray, n: np.ndarray) -> np.ndarray:
    kappa = theta[2] if len(theta) > 2 else 0.0
    return np.asarray(1 + theta[1] * (n - 1) + kappa * n * (n - 1))


def _model(theta: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.asarray(theta[0] * n / _cost(theta, n))


def _loss(theta: np.ndarray, n: np.ndarray, x: np.ndarray) -> float:
    return float(((x - _model(theta, n)) ** 2).sum())
