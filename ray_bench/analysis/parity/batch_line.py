"""Samples to a target against the batch, E = a + b B, fitted to means whose noise may be known.

Least squares; intervals from the noise of every mean by itself where that is known, else from noise
that is a share of E, the same at every batch, which the fit itself shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import Part, satterthwaite_df, t_quantile

#: Noise that makes such a misfit less often does not explain it.
ALPHA = 0.05
#: A slope per sample that is only rounding.
_FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """Intercept and slope, and the noise of the means that they are made of."""

    beta: np.ndarray
    inverse: np.ndarray  # beta = inverse @ means, shape (2, num_batches)
    noise_sq: np.ndarray  # relative, of every mean
    scale: np.ndarray  # the line at the batches
    df: np.ndarray | float  # of every mean's noise; a number where they have one in common
    p_misfit: float | None = None

    @property
    def covariance(self) -> np.ndarray:
        """Of the two parameters, shape (2, 2)."""
        return np.asarray(self.inverse * self.noise_sq * self.scale**2 @ self.inverse.T)

    def df_of(self, weights: np.ndarray, more: Sequence[Part] = ()) -> float:
        """Return the degrees of freedom of a sum of the two parameters with these weights."""
        if isinstance(self.df, float):
            return self.df
        parts = (weights @ self.inverse * self.scale) ** 2 * self.noise_sq
        return satterthwaite_df([*zip(parts.tolist(), self.df.tolist(), strict=True), *more])

    def at(self, batch: np.ndarray | float) -> np.ndarray:
        """Return the line."""
        return np.asarray(self.beta[0] + self.beta[1] * batch)

    def widened(self, factor: float) -> Line:
        """Return the line with intervals so many times wider."""
        return replace(self, noise_sq=self.noise_sq * factor**2)

    def estimate(self, batch: float, *, is_new: bool = False) -> Estimate:
        """Return the line at a batch; or where a new measurement there would be."""
        at, value = np.array([1.0, batch]), float(self.at(batch))
        own = [(float(self.noise_sq.mean()) * value**2, float(np.mean(self.df)))] * is_new
        variance = float(at @ self.covariance @ at) + sum(x for x, _ in own)
        reach = t_quantile(self.df_of(at, own)) * math.sqrt(variance)
        return Estimate(value, max(0.0, value - reach), max(0.0, value + reach))


def fit_line(b: np.ndarray, e: np.ndarray, noise: Sequence[Part] | None) -> Line:
    """Fit by least squares; the residuals r of the fit tell its misfit, or else the noise.

    r / E = A u, with u the relative noise of the means, A = diag(1 / E) (I - H) diag(E) and H the
    hat matrix. Noise s that is the same at every batch: s^2 = sum (r_i / E_i)^2 / tr(A'A), without
    bias; degrees of freedom tr(A'A)^2 / tr((A'A)^2), as of a sum of unequal chi^2 (Satterthwaite
    1946, Biometrics Bulletin 2). Of known noise V the same sum over tr(A'A V) is about F, with
    degrees of freedom by the same rule (Box 1954, Annals of Mathematical Statistics 25; Brunner,
    Dette and Munk 1997, Journal of the American Statistical Association 92).
    """
    columns = np.column_stack([np.ones_like(b), b])
    inverse = np.linalg.pinv(columns)
    beta = inverse @ e
    scale = np.maximum(columns @ beta, 1e-9 * e)  # a line that falls below 0 is refused
    shrunk = (np.eye(len(b)) - columns @ inverse) * scale / scale[:, None]
    form = shrunk.T @ shrunk
    squares = float((((e - columns @ beta) / scale) ** 2).sum())
    if noise is None:
        noise_sq = np.full(len(b), squares / np.trace(form))
        df = float(np.trace(form) ** 2 / np.trace(form @ form))
        return Line(beta, inverse, noise_sq, scale, df)
    variance, dfs = np.array(noise).T
    expected = np.diag(form) * variance
    misfit = squares / expected.sum()
    shared = form * variance
    p = _f_tail(
        expected.sum() ** 2 / np.trace(shared @ shared),
        satterthwaite_df([*zip(expected.tolist(), dfs.tolist(), strict=True)]),
        misfit,
    )
    widened = variance * (misfit if p < ALPHA else 1.0)  # Birge 1932, Physical Review 40
    return Line(beta, inverse, widened, scale, dfs, p)


def _f_tail(df_top: float, df_bottom: float, ratio: float) -> float:
    """Return how often Snedecor's F is larger."""
    from scipy.special import fdtrc

    return float(fdtrc(df_top, df_bottom, ratio))


def ratio(line: Line) -> Estimate | None:
    """Return intercept / slope with Fieller's interval; None where the slope is not told from 0.

    Fieller 1954 (Journal of the Royal Statistical Society B 16).
    """
    beta, covariance = line.beta, line.covariance
    if beta[1] <= _FLAT * beta[0]:
        return None
    # Of intercept - Bc x slope, which is what the interval is about.
    t_sq = t_quantile(line.df_of(np.array([1.0, -beta[0] / beta[1]]))) ** 2
    slope_sq = beta[1] ** 2 - t_sq * covariance[1, 1]
    if slope_sq <= 0:
        return None
    cross = beta[0] * beta[1] - t_sq * covariance[0, 1]
    top_sq = beta[0] ** 2 - t_sq * covariance[0, 0]
    reach = math.sqrt(max(0.0, cross**2 - slope_sq * top_sq))
    low, high = ((cross + side * reach) / slope_sq for side in (-1, 1))
    return Estimate(float(beta[0] / beta[1]), max(0.0, float(low)), float(high))
