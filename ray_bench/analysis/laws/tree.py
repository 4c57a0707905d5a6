"""All-reduce over a double binary tree: few messages in a row, all bytes over every link.

T(N) = c b + 2 S beta [N > 1] + 2 log2(N) alpha (Sanders, Speck and Traeff 2009, Parallel Computing
35(12); the algorithm of NCCL's trees).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, as_they_are
from ray_bench.analysis.laws.parameters import BYTES, COMPUTE, MESSAGE
from ray_bench.analysis.laws.place import Place


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    n = place.world_size
    return place.batch_share, 2.0 * (n > 1), 2 * np.log2(n)


LAW = Law(
    key="tree",
    title="tree all-reduce (alpha-beta)",
    formula="T = c b + 2 S beta [N > 1] + 2 log2(N) alpha",
    parameters=(COMPUTE, BYTES, MESSAGE),
    family="logarithmic",
    terms=_terms,
    named=as_they_are,
)
