"""A law fitted to points as if it were right: parameters, intervals, and whether it can be right.

The fit minimises sum_i w_i (1 - law_i / T_i)^2, w_i inverse to the variances. Intervals come from a
parametric bootstrap: data are drawn around the fitted curve from t-distributions with the variances
and degrees of freedom of the data, and each draw is fitted. Where the fit is worse than the noise
explains, the noise is enlarged to match (Birge 1932, Physical Review 40). Without repeats the noise
is what the fit leaves, with the degrees of freedom that are left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.laws.catalog import AnyLaw
from ray_bench.analysis.laws.law import NEGLIGIBLE_FRAC
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate

NUM_DRAWS = 4000
#: Below this probability of so poor a fit, the law is said not to describe the data.
MISFIT_PROBABILITY = 0.05
#: Draws of ln T are kept within exp(+-5): with one degree of freedom they can be anything.
_MAX_NOISE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LawFit:
    """A law with its coefficients. Intervals hold if the law is right, and say so."""

    law: AnyLaw
    points: Points
    coefficients: np.ndarray  # shape (num_coefficients,)
    draws: np.ndarray | None  # shape (num_draws, num_coefficients)
    run_noise: np.ndarray | None  # shape (num_draws,): ln noise of one more run
    status: FitStatus
    at_bound: tuple[str, ...]  # names of parameters of which the data show nothing
    misfit_probability: float | None  # of a worse fit if the law is right; None: not testable

    @property
    def is_misfit(self) -> bool:
        """Whether the residuals are larger than the noise explains."""
        return self.misfit_probability is not None and self.misfit_probability < MISFIT_PROBABILITY

    @property
    def residuals(self) -> np.ndarray:
        """ln(measured / law) of throughput, shape (num_points,)."""
        place = self.points.place
        return np.asarray(
            self.law.log_cost(self.coefficients[None], place)[0] - self.points.log_cost
        )

    def parameter(self, name: str, level: float = COVERAGE_FRAC) -> Estimate:
        """Return a parameter with its interval."""
        value = float(self.law.values(self.coefficients)[name])
        if self.draws is None:
            return Estimate(value)
        return interval(value, self.law.values(self.draws)[name], level)

    def throughput(self, world_size: float, level: float = COVERAGE_FRAC) -> Estimate:
        """Return samples/s of one new run, if the law is right."""
        place = self.points.at(np.array([world_size]))
        value = world_size / math.exp(self.law.log_cost(self.coefficients[None], place)[0, 0])
        if self.draws is None or self.run_noise is None:
            return Estimate(value)
        drawn = self.law.log_cost(self.draws, place)[:, 0] + self.run_noise
        return interval(value, world_size / np.exp(drawn), level)


def interval(value: float, draws: np.ndarray, level: float = COVERAGE_FRAC) -> Estimate:
    """Return the middle of the draws, the value included; draws that are not finite count."""
    tail = (1 - level) / 2
    drawn = np.sort(np.where(np.isnan(draws), np.inf, draws))
    low, high = (float(drawn[round(p * (len(drawn) - 1))]) for p in (tail, 1 - tail))
    return Estimate(value, min(low, value), max(high, value))


def fit_law(law: AnyLaw, points: Points, *, num_draws: int = NUM_DRAWS) -> LawFit:
    """Fit one law.

    Args:
        law: Any law that applies to the points.
        points: Should be more than the law has parameters; see the status.
        num_draws: 0 spares the intervals.
    """
    root = np.diag(np.sqrt(1 / points.noise))
    coefficients = law.fit(points.place, points.log_cost[None], root)[0]
    at_bound = _at_bound(law, coefficients, points)
    status = _status(law, coefficients, at_bound, len(points))
    plain = LawFit(
        law=law,
        points=points,
        coefficients=coefficients,
        draws=None,
        run_noise=None,
        status=status,
        at_bound=at_bound,
        misfit_probability=None,
    )
    df = len(points) - law.num_parameters
    unknown = points.variance is None and df < 1
    if num_draws == 0 or unknown or status is FitStatus.NOT_CONVERGED:
        return plain
    return _with_draws(plain, root, df, num_draws)


def _with_draws(fit: LawFit, root: np.ndarray, df: int, num_draws: int) -> LawFit:
    points = fit.points
    chi2 = float((fit.residuals**2 / points.noise).sum())
    noise, run_noise = _noise(points, chi2, df, num_draws)
    fitted = fit.law.log_cost(fit.coefficients[None], points.place)
    measured = None if points.variance is None or df < 1 else _misfit(points, chi2, df)
    return LawFit(
        law=fit.law,
        points=points,
        coefficients=fit.coefficients,
        draws=fit.law.fit(points.place, fitted + noise, root),
        run_noise=run_noise,
        status=fit.status,
        at_bound=fit.at_bound,
        misfit_probability=measured,
    )


def _at_bound(law: AnyLaw, coefficients: np.ndarray, points: Points) -> tuple[str, ...]:
    shares = law.shares(coefficients, points.place)
    return tuple(
        p.name for p, share in zip(law.parameters, shares, strict=True) if share <= NEGLIGIBLE_FRAC
    )


def _status(
    law: AnyLaw, coefficients: np.ndarray, at_bound: tuple[str, ...], num_points: int
) -> FitStatus:
    if not np.isfinite(coefficients).all() or not coefficients.any():
        return FitStatus.NOT_CONVERGED
    if num_points <= law.num_parameters and law.num_parameters > 1:
        return FitStatus.UNDERDETERMINED
    return FitStatus.AT_BOUND if at_bound else FitStatus.CONVERGED


def _noise(
    points: Points, chi2: float, df_fit: int, num_draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return noise of the points, shape (num_draws, num_points), and of one more run."""
    rng = np.random.default_rng(0)
    shape = (num_draws, len(points))
    variance_ratio, df = _pooled(points, chi2, df_fit)
    scale, spread = math.sqrt(variance_ratio), np.sqrt(df / rng.chisquare(df, (num_draws, len(df))))
    noise = rng.standard_normal(shape) * np.sqrt(points.noise) * spread * scale
    one = np.median(spread, axis=1) * scale * math.sqrt(points.new_noise)
    run = rng.standard_normal(num_draws) * one
    return np.clip(noise, -_MAX_NOISE, _MAX_NOISE), np.clip(run, -_MAX_NOISE, _MAX_NOISE)


def _pooled(points: Points, chi2: float, df_fit: int) -> tuple[float, np.ndarray]:
    """Return the variance of the noise, against that of the points, and its degrees of freedom.

    A pooled variance is wrong by the same factor at every world size. What the fit leaves is
    another estimate of it, and joins it, unless it is so large that the law must be wrong.
    """
    if points.df is None:
        return chi2 / df_fit, np.array([float(df_fit)])
    if df_fit < 1:
        return 1.0, points.df[:1] if points.is_pooled else points.df
    if _misfit(points, chi2, df_fit) < MISFIT_PROBABILITY or not points.is_pooled:
        return max(1.0, chi2 / df_fit), points.df[:1] if points.is_pooled else points.df
    df = points.df[:1]
    return float((df[0] + chi2) / (df[0] + df_fit)), df + df_fit


def _misfit(points: Points, chi2: float, df_fit: int) -> float:
    """Return the F-test's probability of so large a misfit; the variance has its own df."""
    from scipy.special import fdtrc

    assert points.df is not None
    df_noise = float(points.df[0]) if points.is_pooled else float(points.df.sum())
    return float(fdtrc(df_fit, df_noise, chi2 / df_fit))
