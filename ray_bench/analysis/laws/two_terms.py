"""Weighted non-negative fit of y = a u + c v, two terms of world size, with a parametric bootstrap.

Both laws of this package have this form, so the fit is linear and needs no optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.errors import InsufficientPointsError

NUM_DRAWS = 4000
NUM_PARAMETERS = 2
#: A parameter whose term is below this share of the whole is at its bound.
_BOUND_FRAC = 1e-9
#: Below this probability of so poor a fit, the law is said not to describe the data.
MISFIT_PROBABILITY = 0.05

Terms = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoTermFit:
    """A fit of y(N) = a u(N) + c v(N), a, c >= 0."""

    terms: Terms
    parameters: np.ndarray  # shape (2,): a, c
    draws: np.ndarray | None  # shape (NUM_DRAWS, 2); None without variances
    one_run_noise: np.ndarray | None  # shape (NUM_DRAWS,): relative noise of one more run
    status: FitStatus
    bound: int | None  # index of the parameter that is 0
    misfit_probability: float | None  # of a worse fit if the law were true; None if not testable

    @property
    def is_misfit(self) -> bool:
        """Whether the residuals are larger than the noise explains."""
        return self.misfit_probability is not None and self.misfit_probability < MISFIT_PROBABILITY

    def value(self, world_size: float) -> float:
        """Return y at a world size."""
        return float(self._of(self.parameters[None, :], world_size)[0])

    def value_draws(self, world_size: float) -> np.ndarray | None:
        """Return y of every bootstrap draw, shape (NUM_DRAWS,)."""
        return None if self.draws is None else self._of(self.draws, world_size)

    def _of(self, parameters: np.ndarray, world_size: float) -> np.ndarray:
        u, v = self.terms(np.asarray(float(world_size)))
        return np.asarray(parameters[:, 0] * u + parameters[:, 1] * v)


def solve(u: np.ndarray, v: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Minimise sum_i w_i (1 - (a u_i + c v_i) / y_i)^2 over a, c >= 0, exactly.

    Args:
        u: first term, shape (num_sizes,).
        v: second term, shape (num_sizes,).
        y: data, shape (num_draws, num_sizes), positive.
        weights: shape (num_sizes,).

    Returns:
        The parameters a, c of every draw, shape (num_draws, 2).
    """
    p, q = u / y, v / y
    uu, vv, uv = (_sum(weights * x) for x in (p * p, q * q, p * q))
    u1, v1 = _sum(weights * p), _sum(weights * q)
    with np.errstate(divide="ignore", invalid="ignore"):
        det = uu * vv - uv * uv
        a, c = (u1 * vv - v1 * uv) / det, (v1 * uu - u1 * uv) / det
    only_a, only_c = u1 / uu, v1 / vv
    # Loss at a bound is const - u1 * a: the bound with the larger drop wins where both compete.
    is_a_better = u1 * only_a >= v1 * only_c
    inside = (a >= 0) & (c >= 0)
    return np.stack(
        [
            np.where(inside, a, np.where(is_a_better, only_a, 0.0)),
            np.where(inside, c, np.where(is_a_better, 0.0, only_c)),
        ],
        axis=1,
    )


def fit_two_terms(terms: Terms, data: Mapping[int, LogEstimate]) -> TwoTermFit:
    """Fit the terms to positive data by world size; needs two world sizes.

    Residuals are relative and weighted by 1 / variance. The bootstrap draws new data around the
    fitted curve from a t-distribution with the data's own degrees of freedom; where the fit is
    worse than the noise explains, the noise is enlarged to match (Birge 1932).
    """
    sizes = np.array(sorted(data), dtype=float)
    if len(sizes) < NUM_PARAMETERS:
        raise InsufficientPointsError(
            f"A law needs two world sizes, got {len(sizes)}. Measure another one."
        )
    estimates = [data[int(n)] for n in sizes]
    y = np.exp(np.array([x.log_mean for x in estimates]))
    variances = _variances(estimates)
    weights = np.ones(len(y)) if variances is None else variances.min() / variances
    u, v = terms(sizes)
    parameters = solve(u, v, y[None, :], weights)[0]
    fitted = parameters[0] * u + parameters[1] * v
    bound = _bound(parameters, u, v)
    status = _status(parameters, bound, len(sizes))
    if variances is None or status is FitStatus.NOT_CONVERGED:
        return _made(terms, parameters, status, bound)
    chi2 = float(np.sum((1 - fitted / y) ** 2 / variances))
    df_fit = len(sizes) - NUM_PARAMETERS
    birge = max(1.0, math.sqrt(chi2 / df_fit)) if df_fit else 1.0
    noise, scale = _noise(estimates, np.sqrt(variances) * birge)
    draws = solve(u, v, fitted * np.exp(noise), weights)
    one_run = scale * birge * math.sqrt(float(np.median([_one_run(x) for x in estimates])))
    return _made(terms, parameters, status, bound, draws, one_run, _misfit(chi2, df_fit, estimates))


def _made(
    terms: Terms,
    parameters: np.ndarray,
    status: FitStatus,
    bound: int | None,
    draws: np.ndarray | None = None,
    one_run_noise: np.ndarray | None = None,
    misfit_probability: float | None = None,
) -> TwoTermFit:
    return TwoTermFit(
        terms=terms,
        parameters=parameters,
        draws=draws,
        one_run_noise=one_run_noise,
        status=status,
        bound=bound,
        misfit_probability=misfit_probability,
    )


def _sum(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.sum(axis=-1))


def _variances(estimates: list[LogEstimate]) -> np.ndarray | None:
    found = [x.variance for x in estimates if x.variance is not None and x.df is not None]
    return np.array(found) if len(found) == len(estimates) else None


def _one_run(estimate: LogEstimate) -> float:
    return (estimate.variance or 0.0) * estimate.num_runs


def _bound(parameters: np.ndarray, u: np.ndarray, v: np.ndarray) -> int | None:
    shares = np.array([parameters[0] * u.max(), parameters[1] * v.max()])
    small = np.flatnonzero(shares <= _BOUND_FRAC * shares.sum())
    return int(small[0]) if len(small) else None


def _status(parameters: np.ndarray, bound: int | None, num_sizes: int) -> FitStatus:
    if not np.isfinite(parameters).all():
        return FitStatus.NOT_CONVERGED
    if num_sizes <= NUM_PARAMETERS:
        return FitStatus.UNDERDETERMINED
    return FitStatus.CONVERGED if bound is None else FitStatus.AT_BOUND


def _noise(estimates: list[LogEstimate], sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return t-distributed noise of the data, and standard t noise for one more run."""
    rng = np.random.default_rng(0)
    df = np.array([x.df or 1.0 for x in estimates])
    shape = (NUM_DRAWS, len(estimates))
    # A pooled variance is wrong by the same factor at every world size.
    if estimates[0].source == "repeats":
        spread = np.sqrt(df[0] / rng.chisquare(df[0], (NUM_DRAWS, 1)))
    else:
        spread = np.sqrt(df / rng.chisquare(df, shape))
    noise = rng.standard_normal(shape) * sd * spread
    return noise, rng.standard_normal(NUM_DRAWS) * np.median(spread, axis=1)


def _misfit(chi2: float, df_fit: int, estimates: list[LogEstimate]) -> float | None:
    """Return the F-test's probability of so large a misfit; the variance has its own df."""
    from scipy.special import fdtrc

    df_noise = sum(x.df or 0.0 for x in estimates)
    if estimates[0].source == "repeats":
        df_noise = estimates[0].df or 0.0
    return float(fdtrc(df_fit, df_noise, chi2 / df_fit)) if df_fit else None
