"""The critical batch, measured: what a target takes against the global batch.

    E = E0 (1 + B / Bc)        samples or epochs to the target
    S = S0 (1 + Bc / B)        steps, S = E / B, S0 = E0 / Bc

(McCandlish et al. 2018, arXiv:1812.06162, section 2.3; E0 is what the smallest batches need, S0 the
fewest steps, and at Bc both are twice their least.) It supposes that the learning rate is right at
every batch. E is linear in B: least squares over the batches, as the critical batches of MLPerf's
reference runs are published. Noise and errors of the form are taken to be a share of E, the same at
every batch, and the intervals follow from that; least squares alone would have them too narrow
where E is large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import t_quantile

#: Two parameters, and one batch that can contradict them.
MIN_BATCHES = 3
#: The form is refused where it misses a measured batch by more.
MAX_RESIDUAL_FRAC = 0.10
#: Predicted up to so many times beyond the measured batches, on either side.
MAX_FACTOR = 2.0
#: A slope per sample that is only rounding.
_FLAT = 1e-12


class Refusal(Enum):
    """Why there is no critical batch."""

    FEW_BATCHES = "few_batches"
    NOT_DESCRIBED = "not_described"  # the form misses a batch by more than it may
    NO_GROWTH = "no_growth"  # a larger batch is not shown to need more


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBatch:
    """The fit. Costs are in the unit that they were given in."""

    batch: tuple[float, ...]
    cost: tuple[float, ...]
    refusal: Refusal | None
    max_residual_frac: float | None = None  # of a measured cost
    least_cost: Estimate | None = None  # E0
    critical: Estimate | None = None  # Bc, samples

    def predict(self, batch: float) -> Estimate | None:
        """Return what a new batch takes, with the 95 % interval of such a measurement.

        None where the form is refused, or the batch too far from the measured ones.
        """
        near = min(self.batch) / MAX_FACTOR <= batch <= max(self.batch) * MAX_FACTOR
        if not near or self.refusal in (Refusal.FEW_BATCHES, Refusal.NOT_DESCRIBED):
            return None
        return _line(np.array(self.batch), np.array(self.cost)).estimate(batch, is_new=True)

    @property
    def least_steps(self) -> float | None:
        """S0 = E0 / Bc, where costs are samples."""
        if self.least_cost is None or self.critical is None:
            return None
        return self.least_cost.value / self.critical.value


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """A batch that was left out, and what the others say of it."""

    batch: float
    cost: float
    predicted: Estimate

    @property
    def error_frac(self) -> float:
        """Predicted over measured, less 1."""
        return self.predicted.value / self.cost - 1

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the measurement."""
        return self.predicted.contains(self.cost)


def critical_batch(batch: Sequence[float], cost: Sequence[float]) -> CriticalBatch:
    """Fit E = E0 (1 + B / Bc).

    Args:
        batch: Global batches in samples, each once.
        cost: Mean samples or epochs to the target at each of them.
    """
    order = np.argsort(batch)
    b, e = np.asarray(batch, dtype=float)[order], np.asarray(cost, dtype=float)[order]
    bare = CriticalBatch(
        batch=tuple(b.tolist()), cost=tuple(e.tolist()), refusal=Refusal.FEW_BATCHES
    )
    if len(b) < MIN_BATCHES:
        return bare
    line = _line(b, e)
    missed = float(np.max(np.abs(e - line.at(b)) / e))
    if missed > MAX_RESIDUAL_FRAC or line.beta[0] <= 0:
        return replace(bare, refusal=Refusal.NOT_DESCRIBED, max_residual_frac=missed)
    critical = _ratio(line)
    return replace(
        bare,
        refusal=Refusal.NO_GROWTH if critical is None else None,
        max_residual_frac=missed,
        least_cost=line.estimate(0.0),
        critical=critical,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """Intercept and slope, their covariance, shape (2, 2), and the relative noise."""

    beta: np.ndarray
    covariance: np.ndarray
    noise_frac: float
    df: float

    def at(self, batch: np.ndarray | float) -> np.ndarray:
        return np.asarray(self.beta[0] + self.beta[1] * batch)

    def estimate(self, batch: float, *, is_new: bool = False) -> Estimate:
        """Return the line at a batch; or where a new measurement there would be."""
        at, value = np.array([1.0, batch]), float(self.at(batch))
        variance = float(at @ self.covariance @ at) + is_new * (self.noise_frac * value) ** 2
        reach = t_quantile(self.df) * math.sqrt(variance)
        return Estimate(value, max(0.0, value - reach), value + reach)


def _line(b: np.ndarray, e: np.ndarray) -> _Line:
    """Fit by least squares, with the covariance that a constant relative noise s gives.

    s^2 = sum (r_i / E_i)^2 / tr(A'A), A = diag(1 / E) (I - H) diag(E), H the hat matrix: without
    bias; degrees of freedom tr(A'A)^2 / tr((A'A)^2), as of a sum of unequal chi^2 (Satterthwaite
    1946, Biometrics Bulletin 2).
    """
    columns = np.column_stack([np.ones_like(b), b])
    inverse = np.linalg.pinv(columns)
    beta = inverse @ e
    scale = np.maximum(columns @ beta, 1e-9 * e)  # a line that falls below 0 is refused
    shrunk = (np.eye(len(b)) - columns @ inverse) * scale / scale[:, None]
    form = shrunk.T @ shrunk
    noise_sq = float((((e - columns @ beta) / scale) ** 2).sum() / np.trace(form))
    covariance = inverse @ np.diag(noise_sq * scale**2) @ inverse.T
    df = float(np.trace(form) ** 2 / np.trace(form @ form))
    return _Line(beta, covariance, math.sqrt(noise_sq), df)


def _ratio(line: _Line) -> Estimate | None:
    """Return intercept / slope with Fieller's interval; None where the slope is not told from 0.

    Fieller 1954 (Journal of the Royal Statistical Society B 16).
    """
    beta, t_sq = line.beta, t_quantile(line.df) ** 2
    slope_sq = beta[1] ** 2 - t_sq * line.covariance[1, 1]
    if beta[1] <= _FLAT * beta[0] or slope_sq <= 0:
        return None
    cross = beta[0] * beta[1] - t_sq * line.covariance[0, 1]
    top_sq = beta[0] ** 2 - t_sq * line.covariance[0, 0]
    reach = math.sqrt(max(0.0, cross**2 - slope_sq * top_sq))
    low, high = ((cross + side * reach) / slope_sq for side in (-1, 1))
    return Estimate(float(beta[0] / beta[1]), max(0.0, float(low)), float(high))


def back_test(found: CriticalBatch) -> tuple[BackTest, ...]:
    """Predict every batch from the others, where those can be fitted and are near enough."""
    tests = []
    for i, (batch, cost) in enumerate(zip(found.batch, found.cost, strict=True)):
        rest = [j for j in range(len(found.batch)) if j != i]
        fit = critical_batch([found.batch[j] for j in rest], [found.cost[j] for j in rest])
        predicted = fit.predict(batch)
        if predicted is not None:
            tests.append(BackTest(batch=batch, cost=cost, predicted=predicted))
    return tuple(tests)
