"""How often the gate of a comparison fails, passes and stays open, with a known truth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from ray_bench.analysis.comparison import Metric, Verdict
from ray_bench.analysis.comparison.compare import gated_rows
from ray_bench.analysis.comparison.interval import with_launch_noise
from ray_bench.analysis.comparison.metrics import throughput_rows
from ray_bench.analysis.comparison.pairs import Pair
from ray_bench.analysis.comparison.side import Side
from ray_bench.analysis.curve import Curve
from ray_bench.stats.log_estimate import log_means

SIZES = (1, 2, 4, 8)
EVEN = (0.005,) * 4
UNEVEN = (0.03, 0.001, 0.01, 0.002)
COUNT = 800
#: Four standard errors of a share of 5 % in so many simulations.
SLACK = 4 * math.sqrt(0.05 * 0.95 / COUNT)


def outcomes(
    noise: Sequence[float], repeats: int, factor: float, tolerance: float, launch: float = 0.0
) -> tuple[float, float]:
    """Return the shares of gates that fail, and that pass; `factor` multiplies throughput."""
    rng = np.random.default_rng(11)
    failed = passed = 0
    for _ in range(COUNT):
        sides = [side(rng, noise, repeats, f, launch) for f in (1.0, factor)]
        pair = Pair(base=sides[0], new=sides[1], differences=(), left_out=())
        rows = gated_rows(list(throughput_rows(pair)), [Metric.THROUGHPUT])
        judged = [row.judged(tolerance) for row in rows]
        is_worse = any(row.verdict is Verdict.WORSE for row in judged)
        failed += is_worse
        passed += not is_worse and not any(row.may_be_worse for row in judged)
    return failed / COUNT, passed / COUNT


def side(
    rng: np.random.Generator, noise: Sequence[float], repeats: int, factor: float, launch: float
) -> Side:
    """Return four world sizes, one launch for all of them where there is noise between launches."""
    common = factor * math.exp(launch * rng.normal())
    samples = [common * np.exp(s * rng.normal(size=repeats)) for s in noise]
    means = dict(zip(SIZES, log_means(samples), strict=True))
    noisy = {n: with_launch_noise(x, 1) for n, x in means.items()} if launch else means
    curves = (Curve(throughput=values) for values in (means, noisy))
    return Side(
        runs=(), histories={}, measured=next(curves), curve=next(curves), is_noise_assumed=True
    )


@pytest.mark.parametrize("noise", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("repeats", [2, 3, 5])
@pytest.mark.parametrize("tolerance", [0.0, 0.02])
def test_false_alarms_stay_below_five_percent_even_at_the_edge(noise, repeats, tolerance):
    # The largest change that is still tolerated; with tolerance 0 it is none at all.
    failed, _ = outcomes(noise, repeats, 1 - tolerance, tolerance)
    assert failed <= 0.05
    assert failed > 0  # a gate that never fails would do so too


@pytest.mark.parametrize("noise", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_no_change_hardly_ever_fails_with_the_default_tolerance(noise):
    failed, _ = outcomes(noise, 3, 1.0, 0.02)
    assert failed <= 0.01


@pytest.mark.parametrize("noise", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_a_regression_just_beyond_the_tolerance_hardly_ever_passes(noise):
    _, passed = outcomes(noise, 3, 0.98 - 1e-9, 0.02)
    assert passed <= 0.05 + SLACK


def test_a_loss_of_a_tenth_is_found_and_no_change_passes_with_few_repeats():
    failed, _ = outcomes(EVEN, 3, 0.9, 0.02)
    assert failed >= 0.99
    _, passed = outcomes(EVEN, 3, 1.0, 0.02)
    assert passed >= 0.6
    _, passed = outcomes(EVEN, 5, 1.0, 0.02)
    assert passed >= 0.95


def test_the_noise_between_launches_that_is_assumed_is_enough_if_it_is_so_large():
    rounds = (0.003,) * 4
    assert outcomes(rounds, 6, 1.0, 0.0, launch=0.01)[0] <= 0.05
    assert outcomes(rounds, 6, 1.0, 0.02, launch=0.02)[0] <= 0.05
    assert outcomes(rounds, 6, 0.9, 0.02, launch=0.01)[0] >= 0.99
