"""Parameters that several laws have, and what coefficients say when there are only two."""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Parameter

COMPUTE = Parameter("compute", "s", "step time c without others")
BYTES = Parameter("bytes", "s", "time S beta of all bytes over one link, exposed")
MESSAGE = Parameter("message", "s", "latency alpha of a message, exposed")
PER_DOUBLING = Parameter("per_doubling", "s", "time d that every doubling adds")


def share_and_sum(coefficients: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return a / (a + c) and a + c of the coefficients a and c, shape (..., 2)."""
    a, c = np.moveaxis(coefficients, -1, 0)
    return a / (a + c), a + c
