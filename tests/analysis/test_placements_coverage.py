"""Do the intervals of a node boundary hold the truth that was planted? 95 % of them should."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.points import placed_points
from ray_bench.analysis.laws.two_level import OF_PLACEMENTS
from ray_bench.analysis.placements import difference
from ray_bench.stats.log_estimate import LogEstimate, log_means
from tests.analysis.test_placements import BETWEEN_S, two_levels

BATCH = 128
#: World size, and workers of the fullest node.
PLACES = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1), (8, 2))


def sweeps(count: int) -> Iterator[dict[tuple[int, int], LogEstimate]]:
    """Throughput of three runs of every place, with 1 % of noise between runs."""
    rng = np.random.default_rng(1)
    truths = [two_levels(size, (held,) * (size // held)) for size, held in PLACES]
    for _ in range(count):
        noise = np.exp(0.01 * rng.standard_normal((len(PLACES), 3)))
        rates = [BATCH / (truth * x) for truth, x in zip(truths, noise, strict=True)]
        yield dict(zip(PLACES, log_means(rates), strict=True))


def test_the_difference_of_two_step_times_covers_the_boundary():
    def holds(found: dict[tuple[int, int], LogEstimate]) -> bool:
        inside, beyond = found[2, 2], found[2, 1]
        seconds = [BATCH / math.exp(x.log_mean) for x in (beyond, inside)]
        return difference((seconds[0], beyond), (seconds[1], inside)).contains(BETWEEN_S)

    assert 0.93 <= np.mean([holds(x) for x in sweeps(2000)]) <= 0.97


@pytest.mark.slow
def test_the_law_s_interval_covers_the_time_between_nodes():
    (law,) = [law for law in OF_PLACEMENTS if law.key == "two_level_fixed"]

    def holds(found: dict[tuple[int, int], LogEstimate]) -> bool:
        fit = fit_law(law, placed_points(found, "strong"))
        return fit.parameter("between_nodes").scaled(BATCH).contains(BETWEEN_S)

    assert 0.92 <= np.mean([holds(x) for x in sweeps(400)]) <= 0.98
