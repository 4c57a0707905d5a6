"""Gustafson's law (weak scaling): work grows with the workers, a part of it stays serial.

X(N) = X(1) (N - s (N - 1)) = a + c N, s = a / (a + c)
(Gustafson 1988, CACM 31(5), doi 10.1145/42411.42415).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.laws.two_terms import TwoTermFit, fit_two_terms


def speedup(serial_frac: float, world_size: float) -> float:
    """Return the scaled speedup S = N - s (N - 1)."""
    return world_size - serial_frac * (world_size - 1)


def terms(world_size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of the throughput: 1 and N."""
    return np.ones_like(world_size), world_size


def fit(throughput: Mapping[int, LogEstimate]) -> TwoTermFit:
    """Fit the throughput, samples/s, by world size."""
    return fit_two_terms(terms, throughput)
