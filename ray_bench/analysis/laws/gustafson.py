"""Gustafson's law (weak scaling): work grows with the workers, a part of it stays serial.

X(N) = X(1) (N - s (N - 1)) = a + c N, s = a / (a + c)
(Gustafson 1988, CACM 31(5), doi 10.1145/42411.42415).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter
from ray_bench.analysis.laws.parameters import share_and_sum
from ray_bench.analysis.laws.place import Place


def speedup(serial_frac: float, world_size: float) -> float:
    """Return the scaled speedup S = N - s (N - 1)."""
    return world_size - serial_frac * (world_size - 1)


def terms(place: Place) -> tuple[np.ndarray, ...]:
    """Return the terms of the throughput of a worker, X / N: 1 / N and 1."""
    return 1 / place.world_size, np.ones_like(place.world_size)


LAW = Law(
    key="gustafson",
    title="Gustafson's law",
    formula="X = x1 (N - s (N - 1))",
    parameters=(
        Parameter("serial_frac", "1", "share s of the work that stays serial", high=1.0),
        Parameter("throughput_at_one", "samples/s", "throughput x1 of 1 worker"),
    ),
    family="saturating",
    terms=terms,
    named=share_and_sum,
    response="rate",
    modes=("weak",),
    needed=(),
)
