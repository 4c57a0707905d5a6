"""Joint draws of the whole curve: what throughput may be at every world size at once.

Measured world sizes are drawn from Student's t distributions around their mean ln X. What the
rounds of a ladder have in common stays in common: with r rounds, a draw is the mean and
sum_i z_i (ln X_i - mean) / sqrt(r (r - 1)) x sqrt(df / chi^2_df), z_i standard normal, df = r - 1.
Each marginal, and each ratio of two world sizes, then has the t-interval that the report gives.

Predicted world sizes are drawn from the laws' mixture: one law a draw for all of them. A forecast
walks away from the largest measured world size, so its errors have independent increments and begin
with the error of the measurement there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.fit.forecast import CurveFit

NUM_DRAWS = 10_000
#: ln X is kept within exp(+-5) of its centre: with one degree of freedom it can be anything.
_MAX_NOISE = 5.0
_SEED = 0


def measured_draws(curve: Curve, num_draws: int = NUM_DRAWS) -> np.ndarray | None:
    """Return ln samples/s of all world sizes of a curve, shape (num_draws, num_sizes).

    None where a world size has no interval.
    """
    estimates = [curve.throughput[n] for n in curve.sizes]
    if any(x.variance is None or x.df is None for x in estimates):
        return None
    rng = np.random.default_rng(_SEED)
    centers = np.array([x.log_mean for x in estimates])
    rounds = _rounds(curve)
    if rounds is not None:
        apart = rounds - rounds.mean(axis=0)
        count = len(rounds)
        noise = rng.standard_normal((num_draws, count)) @ apart / math.sqrt(count * (count - 1))
        spread = _spread(rng, np.array([count - 1.0]), num_draws)
    else:
        scale = np.sqrt([x.variance or 0.0 for x in estimates])
        noise = rng.standard_normal((num_draws, len(centers))) * scale
        spread = _spread(rng, np.array([x.df or 1.0 for x in estimates]), num_draws)
    return np.asarray(centers + np.clip(noise * spread, -_MAX_NOISE, _MAX_NOISE))


def predicted_draws(
    fit: CurveFit, sizes: Sequence[int], last: np.ndarray, last_sd: float
) -> np.ndarray:
    """Return ln samples/s of new runs at world sizes, shape (num_draws, num_sizes).

    Args:
        fit: The laws.
        sizes: Ascending; none of them measured.
        last: Draws of ln samples/s at the largest measured world size, shape (num_draws,).
        last_sd: Their standard error.
    """
    rng = np.random.default_rng(_SEED + 1)
    mixture = fit.mixture(sizes)
    law = rng.choice(len(mixture.weights), size=len(last), p=mixture.weights)
    scales, df = mixture.scales[law], mixture.df[law]
    largest = float(fit.points.place.world_size[-1])
    normal = _chain(rng, np.array(sizes) > largest, scales, last, last_sd)
    noise = normal * scales * np.sqrt(df / rng.chisquare(df))[:, None]
    shift = np.log(np.array(sizes, dtype=float)) - mixture.centers[law]
    return np.asarray(shift + np.clip(noise, -_MAX_NOISE, _MAX_NOISE))


def _chain(
    rng: np.random.Generator,
    is_beyond: np.ndarray,
    scales: np.ndarray,
    last: np.ndarray,
    last_sd: float,
) -> np.ndarray:
    """Return standard normal errors; beyond the data each goes on from the one before."""
    normal = rng.standard_normal(scales.shape)
    spread = float(np.std(last))
    before = (last - last.mean()) / spread if spread > 0 else np.zeros(len(last))
    size = np.full(len(last), last_sd)
    for k in np.flatnonzero(is_beyond):
        common = np.minimum(size, scales[:, k]) / np.maximum(size, scales[:, k])
        normal[:, k] = common * before + np.sqrt(1 - common**2) * normal[:, k]
        before, size = normal[:, k], scales[:, k]
    return normal


def _rounds(curve: Curve) -> np.ndarray | None:
    """Return ln samples/s of the rounds that all sizes have, shape (num_rounds, num_sizes)."""
    if not curve.is_paired or set(curve.rounds) != set(curve.sizes):
        return None
    shared = set.intersection(*(set(rows) for rows in curve.rounds.values()))
    if len(shared) < 2:
        return None
    return np.array([[curve.rounds[n][i] for n in curve.sizes] for i in sorted(shared)])


def _spread(rng: np.random.Generator, df: np.ndarray, num_draws: int) -> np.ndarray:
    return np.asarray(np.sqrt(df / rng.chisquare(df, (num_draws, len(df)))))
