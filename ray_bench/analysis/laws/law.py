"""The law of a scaling mode, fitted, and what it says at any world size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.estimate import COVERAGE_FRAC, Estimate, LogEstimate
from ray_bench.analysis.laws import amdahl, gustafson
from ray_bench.analysis.laws.two_terms import TwoTermFit
from ray_bench.records import Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A fitted law. Speedups are against the law's own value at the baseline."""

    name: Literal["Amdahl", "Gustafson"]
    formula: str
    fit: TwoTermFit
    baseline: int
    batch_size: int | None  # global; None where the law is of throughput itself

    @property
    def serial_frac(self) -> Estimate:
        """The share s of work at world size 1 that does not profit from more workers."""
        a, c = self.fit.parameters
        draws = self.fit.draws
        shares = None if draws is None else draws[:, 0] / draws.sum(axis=1)
        return _interval(float(a / (a + c)), shares)

    def throughput(self, world_size: int) -> Estimate:
        """Return samples/s; the interval is that of one new run, without the law's own error."""
        draws = self._throughput_draws(world_size)
        return _interval(self._throughput(world_size), self._with_noise(draws))

    def speedup(self, world_size: int) -> Estimate:
        """Return X(N) / X(b), both from the law; 1 at the baseline, by definition."""
        value = self._throughput(world_size) / self._throughput(self.baseline)
        top, bottom = self._throughput_draws(world_size), self._throughput_draws(self.baseline)
        noisy = None if top is None else self._with_noise(top)
        if noisy is None or bottom is None or world_size == self.baseline:
            return Estimate(value)
        return _interval(value, noisy / bottom)

    def _throughput(self, world_size: int) -> float:
        value = self.fit.value(world_size)
        return value if self.batch_size is None else self.batch_size / value

    def _throughput_draws(self, world_size: int) -> np.ndarray | None:
        draws = self.fit.value_draws(world_size)
        if draws is None or self.batch_size is None:
            return draws
        return np.asarray(self.batch_size / draws)

    def _with_noise(self, draws: np.ndarray | None) -> np.ndarray | None:
        noise = self.fit.one_run_noise
        return None if draws is None or noise is None else np.asarray(draws * np.exp(noise))


def fit_law(throughput: Mapping[int, LogEstimate], scaling: Scaling, batch_size: int) -> Law:
    """Fit Amdahl's law to strong scaling, Gustafson's to weak scaling.

    Args:
        throughput: samples/s by world size, at least two.
        scaling: Which batch was fixed.
        batch_size: The global batch in strong scaling; not used in weak scaling.
    """
    if scaling == "strong":
        fitted = amdahl.fit(throughput, batch_size)
        formula = "step time = a + c / N"
        return Law(
            name="Amdahl",
            formula=formula,
            fit=fitted,
            baseline=min(throughput),
            batch_size=batch_size,
        )
    return Law(
        name="Gustafson",
        formula="throughput = a + c N",
        fit=gustafson.fit(throughput),
        baseline=min(throughput),
        batch_size=None,
    )


def _interval(value: float, draws: np.ndarray | None) -> Estimate:
    if draws is None:
        return Estimate(value)
    tail = (1 - COVERAGE_FRAC) / 2
    low, high = np.quantile(draws, (tail, 1 - tail))
    return Estimate(value, min(float(low), value), max(float(high), value))
