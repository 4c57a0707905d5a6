"""All-reduce over a ring: 2 (N - 1) messages in a row, each of 1 / N of the bytes.

T(N) = c b + 2 (N - 1) / N S beta + 2 (N - 1) alpha, S bytes, alpha seconds a message, beta seconds
a byte (Thakur, Rabenseifner and Gropp 2005, IJHPCA 19(1)). Communication that DDP hides behind the
backward pass is constant in N and ends up in c; where alpha and beta were measured, `replay` says
how much is left.
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, as_they_are
from ray_bench.analysis.laws.parameters import BYTES, COMPUTE, MESSAGE
from ray_bench.analysis.laws.place import Place


def transfer(world_size: np.ndarray) -> np.ndarray:
    """Return how often every link carries all bytes: 2 (N - 1) / N."""
    return np.asarray(2 * (world_size - 1) / world_size)


def _bandwidth_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, transfer(place.world_size)


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    return (*_bandwidth_terms(place), 2 * (place.world_size - 1))


BANDWIDTH = Law(
    key="ring_bandwidth",
    title="ring all-reduce, bandwidth only",
    formula="T = c b + 2 (N - 1) / N S beta",
    parameters=(COMPUTE, BYTES),
    family="saturating",
    terms=_bandwidth_terms,
    named=as_they_are,
    modes=("weak", "mixed"),  # in strong scaling it is Amdahl's law
)
LAW = Law(
    key="ring",
    title="ring all-reduce (alpha-beta)",
    formula="T = c b + 2 (N - 1) / N S beta + 2 (N - 1) alpha",
    parameters=(COMPUTE, BYTES, MESSAGE),
    family="saturating",
    terms=_terms,
    named=as_they_are,
)
