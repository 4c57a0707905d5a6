"""Curves whose throughput is known, to decide over."""

import numpy as np
from hypothesis import strategies as st

from ray_bench.analysis.decision.choose import Field

SIZES = (1, 2, 4, 8)


def field_of(rates, noise=0.0, samples=1000.0, num_draws=2000):
    log_rate = np.log(np.array(rates, dtype=float))
    rng = np.random.default_rng(3)
    return Field(
        sizes=SIZES[: len(rates)],
        log_rate=log_rate,
        draws=log_rate + noise * rng.standard_normal((num_draws, len(rates))),
        samples=np.full(len(rates), samples),
    )


rates = st.lists(st.floats(0.5, 100), min_size=4, max_size=4)
