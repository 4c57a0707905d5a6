"""How long a worker computes with another batch than the measured one.

T = a + c b (as in laws/batch.py), fitted where runs at one world size had several batches. With one
batch all of it is taken to shrink in proportion, and the interval lets a share stay: in the MLPerf
logs of ResNet-50 the fixed time a is 4 % (A100) and 6 % (H100) of a step of 400 images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.laws.solve import solve

#: The most that is taken not to shrink with the batch where nobody measured it.
UNKNOWN_FIXED_FRAC = 0.06


@dataclass(frozen=True, slots=True)
class BatchPoint:
    """Seconds that a worker computes with a batch."""

    batch: float  # samples per worker
    seconds: float
    log_sd: float  # of the seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """Compute time against the batch per worker, as a multiple of that at the measured one."""

    batch: float  # at which the factor is 1
    points: tuple[BatchPoint, ...]  # at several batches, or none

    @property
    def is_measured(self) -> bool:
        """Whether there were runs at several batches."""
        return len({point.batch for point in self.points}) > 1

    @property
    def fixed_s(self) -> float | None:
        """The seconds a that do not shrink; None where proportion is assumed."""
        return float(self._fitted(np.ones((1, 1)))[0, 0]) if self.is_measured else None

    def factor(self, batch: float) -> float:
        """Return T(batch) / T(measured batch)."""
        if not self.is_measured:
            return batch / self.batch
        return float(self._ratio(self._fitted(np.ones((1, 1))), batch)[0])

    def factor_draws(self, batch: float, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return draws of the factor, shape (count,)."""
        if batch == self.batch:
            return np.ones(count)
        if self.is_measured:
            sds = np.array([point.log_sd for point in self.points])
            noise = np.exp(sds * rng.standard_normal((count, len(sds))))
            return self._ratio(self._fitted(noise), batch)
        fixed = UNKNOWN_FIXED_FRAC * rng.random(count)
        return fixed + (1 - fixed) * batch / self.batch

    def _fitted(self, noise: np.ndarray) -> np.ndarray:
        """Return a and c of every draw, shape (count, 2), least relative squares."""
        seconds = np.array([point.seconds for point in self.points]) * noise
        batches = np.array([point.batch for point in self.points])
        rows = np.stack([1 / seconds, batches / seconds], axis=2)
        return solve(rows, np.ones_like(seconds), (False, False), needed=(1,))

    def _ratio(self, fitted: np.ndarray, batch: float) -> np.ndarray:
        at = fitted @ np.array([1.0, batch])
        return np.asarray(at / (fitted @ np.array([1.0, self.batch])))
