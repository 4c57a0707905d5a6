"""Amdahl's law (strong scaling): a part of every step does not shrink with more workers.

T(N) = a + c / N, S(N) = T(1) / T(N) = 1 / (s + (1 - s) / N), s = a / (a + c)
(Amdahl 1967, AFIPS 30, doi 10.1145/1465482.1465560).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter
from ray_bench.analysis.laws.parameters import share_and_sum
from ray_bench.analysis.laws.place import Place


def speedup(serial_frac: float, world_size: float) -> float:
    """Return S = 1 / (s + (1 - s) / N)."""
    return 1 / (serial_frac + (1 - serial_frac) / world_size)


def terms(place: Place) -> tuple[np.ndarray, ...]:
    """Return the terms of the step time: 1 and 1 / N."""
    return np.ones_like(place.world_size), 1 / place.world_size


LAW = Law(
    key="amdahl",
    title="Amdahl's law",
    formula="T = t1 (s + (1 - s) / N)",
    parameters=(
        Parameter("serial_frac", "1", "share s of the time at 1 worker that stays", high=1.0),
        Parameter("step_time_at_one", "s", "step time t1 at 1 worker"),
    ),
    family="fixed",
    terms=terms,
    named=share_and_sum,
    modes=("strong",),
    needed=(),
)
