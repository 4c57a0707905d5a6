"""One forecast from several laws: their mixture, weighted by how well each predicted.

Weights are proportional to the density that a law gave to the data (Bayesian model averaging, with
prequential densities), times one vote a family of laws. Where the noise of the points was only
assumed, so was that density, and its square root counts: it would trust the best of a few laws too
much (a learning rate below 1: Gruenwald and van Ommen 2017, Bayesian Analysis 12(4)). The centre is
the mean of the middle half of the weighted predictions: trimmed means beat the mean of forecasts
when one of them runs away (Jose and Winkler 2008, Int. J. Forecasting 24(1)). The interval is that
of the whole mixture, so it contains the spread between the laws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.fit.backtest import BackTest
from ray_bench.analysis.fit.drift import Carried, Drift, carry
from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.laws.place import Place
from ray_bench.stats.estimate import Estimate

_TRIM_FRAC = 0.25
#: The power of a density in its weight, where the noise of points was only assumed.
_LEARNING_RATE = 0.5
_BISECTIONS = 60
#: Far outside of anything that is told, and inside of what a float holds.
_MAX_LOG = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """ln cost of a new run: Student's t distributions, shape (num_laws, num_places)."""

    weights: np.ndarray  # shape (num_laws,), sum 1
    centers: np.ndarray
    scales: np.ndarray
    df: np.ndarray  # shape (num_laws,)

    @property
    def center(self) -> np.ndarray:
        """The mean of the middle half of the weighted centers, shape (num_places,)."""
        order = np.argsort(self.centers, axis=0)
        weights = self.weights[order]
        above = np.cumsum(weights, axis=0)
        kept = np.minimum(above, 1 - _TRIM_FRAC) - np.maximum(above - weights, _TRIM_FRAC)
        kept = np.maximum(kept, 0.0)
        values = np.take_along_axis(self.centers, order, axis=0)
        return np.asarray((values * kept).sum(axis=0) / kept.sum(axis=0))

    def quantile(self, probability: float) -> np.ndarray:
        """Return the quantile at every place, by bisection of the distribution function."""
        from scipy.special import stdtr, stdtrit

        reach = np.abs(stdtrit(self.df, min(probability, 1 - probability)))[:, None] * self.scales
        low, high = (self.centers - reach).min(axis=0), (self.centers + reach).max(axis=0)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            below = stdtr(self.df[:, None], (middle - self.centers) / self.scales)
            is_low = self.weights @ below < probability
            low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
        return np.asarray((low + high) / 2)

    def rates(self, world_sizes: Sequence[float], level: float) -> tuple[Estimate, ...]:
        """Return the throughput of a new run at every place, with its interval."""
        tail = (1 - level) / 2
        shift = np.log(np.array(world_sizes, dtype=float))
        value = shift - self.center
        low = np.minimum(shift - self.quantile(1 - tail), value)
        high = np.maximum(shift - self.quantile(tail), value)
        logs = np.clip(np.stack([value, low, high], axis=1), -_MAX_LOG, _MAX_LOG)
        return tuple(Estimate(*map(float, row)) for row in np.exp(logs))


def law_weights(tests: Sequence[BackTest], points: Points) -> np.ndarray:
    """Return the weights of the laws, shape (num_laws,)."""
    votes = Counter(test.law.family for test in tests)
    power = 1.0 if points.variance is not None else _LEARNING_RATE
    scores = np.array([power * test.score - np.log(votes[test.law.family]) for test in tests])
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum())


def combine(
    tests: Sequence[BackTest], weights: np.ndarray, points: Points, place: Place, drift: Drift
) -> Mixture:
    """Carry every law on to some places, and mix.

    The errors of the back-tests scale the drift. Noise that was measured stays as it is; noise that
    was only assumed is scaled with the drift.
    A batch that is not known is anything from the last global one to the last one of a worker.
    """
    is_measured = points.variance is not None
    centers, variances = [], []
    for test in tests:
        inner, outer = (test.scale, 1.0) if is_measured else (1.0, test.scale)
        carried = carry(test.law, points, drift.scaled(inner))
        center, variance = carried.predict(place, points.new_noise)
        centers.append(center)
        variances.append(outer * variance)
        if not points.is_batch_known:
            variances[-1] = variances[-1] + _batch_variance(carried, place)
    return Mixture(
        weights=weights,
        centers=np.array(centers),
        scales=np.sqrt(np.array(variances)),
        df=np.array([test.df for test in tests]),
    )


def _batch_variance(carried: Carried, place: Place) -> np.ndarray:
    """Return the variance of ln cost over batches that are all equally likely."""
    ends = [
        carried.law.log_cost(carried.coefficients[None], x)[0]
        for x in carried.points.batch_range(place)
    ]
    return np.asarray((ends[0] - ends[1]) ** 2 / 12)
