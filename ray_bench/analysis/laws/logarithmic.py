"""The logarithmic law: every doubling adds the same time to a step.

T(N) = c b + d log2 N. A tree of messages has this form, and so has the wait for the slowest of N
ranks, which grows like sqrt(2 ln N) (Thakur, Rabenseifner and Gropp 2005, IJHPCA 19(1)).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, as_they_are
from ray_bench.analysis.laws.parameters import COMPUTE, PER_DOUBLING
from ray_bench.analysis.laws.place import Place


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, np.log2(place.world_size)


LAW = Law(
    key="logarithmic",
    title="logarithmic law",
    formula="T = c b + d log2 N",
    parameters=(COMPUTE, PER_DOUBLING),
    family="logarithmic",
    terms=_terms,
    named=as_they_are,
)
