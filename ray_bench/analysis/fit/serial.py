"""The serial share of a curve: Amdahl's law for strong scaling, Gustafson's for weak scaling.

A statistic that is understood everywhere, not a forecast: neither law knows communication that
grows with the workers. The forecast is that of `forecast.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.fit.law_fit import LawFit, fit_law, interval
from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.laws import amdahl, gustafson
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLaw:
    """The law of the scaling mode, fitted as if it were right."""

    name: Literal["Amdahl", "Gustafson"]
    fit: LawFit

    @property
    def serial_frac(self) -> Estimate:
        """The share s of work at world size 1 that does not profit from more workers."""
        return self.fit.parameter("serial_frac")

    def speedup(self, world_size: float) -> Estimate:
        """Return X(N) / X(b), both from the law; 1 at the baseline, by definition."""
        law, points = self.fit.law, self.fit.points
        place = points.at(np.array([self.baseline, world_size], dtype=float))

        def ratio(coefficients: np.ndarray) -> np.ndarray:
            first, other = law.log_cost(coefficients, place).T
            return np.asarray(np.exp(first - other) * world_size / self.baseline)

        value = float(ratio(self.fit.coefficients[None])[0])
        if self.fit.draws is None or self.fit.run_noise is None or world_size == self.baseline:
            return Estimate(value)
        return interval(value, ratio(self.fit.draws) * np.exp(-self.fit.run_noise))

    @property
    def formula(self) -> str:
        """The law in symbols."""
        return self.fit.law.formula

    @property
    def baseline(self) -> int:
        """The smallest world size of the points."""
        return round(float(self.fit.points.place.world_size[0]))


def serial_law(points: Points) -> SerialLaw:
    """Fit the law of the points' scaling mode."""
    if points.mode == "weak":
        return SerialLaw(name="Gustafson", fit=fit_law(gustafson.LAW, points))
    return SerialLaw(name="Amdahl", fit=fit_law(amdahl.LAW, points))
