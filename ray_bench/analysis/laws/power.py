"""The power law: every doubling costs the same share of efficiency.

X(N) = x1 N^(1 - e), so N / X = N^e / x1; e = 0 is ideal. It describes many curves over a few
doublings without saying why; as one of the terms of Extra-P's normal form it is common practice
(Calotoiu, Hoefler, Poke and Wolf 2013, SC13, doi 10.1145/2503210.2503277).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter
from ray_bench.analysis.laws.place import Place


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    return np.ones_like(place.world_size), np.log(place.world_size)


def _named(coefficients: np.ndarray) -> tuple[np.ndarray, ...]:
    return np.exp(-coefficients[..., 0]), coefficients[..., 1]


LAW = Law(
    key="power",
    title="power law",
    formula="X = x1 N^(1 - e)",
    parameters=(
        Parameter("throughput_at_one", "samples/s", "throughput x1 of 1 worker"),
        Parameter("exponent", "1", "e: 1 - 2^-e of the efficiency is lost with every doubling"),
    ),
    family="logarithmic",
    terms=_terms,
    named=_named,
    response="log_cost",
    bounded=(False, True),
)
