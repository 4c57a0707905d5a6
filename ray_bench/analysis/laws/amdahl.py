"""Amdahl's law (strong scaling): a part of every step does not shrink with more workers.

T(N) = a + c / N, S(N) = T(1) / T(N) = 1 / (s + (1 - s) / N), s = a / (a + c)
(Amdahl 1967, AFIPS 30, doi 10.1145/1465482.1465560).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.laws.two_terms import TwoTermFit, fit_two_terms


def speedup(serial_frac: float, world_size: float) -> float:
    """Return S = 1 / (s + (1 - s) / N)."""
    return 1 / (serial_frac + (1 - serial_frac) / world_size)


def terms(world_size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of the step time: 1 and 1 / N."""
    return np.ones_like(world_size), 1 / world_size


def fit(throughput: Mapping[int, LogEstimate], global_batch_size: int) -> TwoTermFit:
    """Fit the step time, seconds, by world size: T = global batch / throughput."""
    batch = float(np.log(global_batch_size))
    step_time = {
        size: LogEstimate(batch - x.log_mean, x.variance, x.df, x.num_runs, x.source)
        for size, x in throughput.items()
    }
    return fit_two_terms(terms, step_time)
