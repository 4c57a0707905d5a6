"""Logarithms with their variance: what data chose is not as sure as what was chosen before."""

import math

import numpy as np
import pytest

from ray_bench.stats.log_estimate import LogEstimate, mean_log


def test_the_interval_of_a_choice_is_that_of_all_choices_together():
    found = LogEstimate(math.log(2.0), 0.01, 4, 5, "repeats")
    assert found.widened(1) == found
    for count in (2, 3, 8):
        level = 1 - 0.05 / count
        assert found.widened(count).estimate.high == pytest.approx(found.at(level).high)
    assert found.widened(3).widened(1) == found.widened(3)
    assert found.widened(3).log_mean == found.log_mean


def test_without_an_interval_there_is_nothing_to_widen():
    alone = LogEstimate(0.0, None, None, 1, "none")
    assert alone.widened(5) == alone


def test_the_best_of_several_that_are_equal_is_covered():
    """Each of 4 means 5 seeds; the least is below the truth more often than a mean is."""
    rng = np.random.default_rng(7)
    hits = np.zeros(2)
    for _ in range(1000):
        best = min((mean_log(0.1 * rng.standard_normal(5)) for _ in range(4)), key=_log_mean)
        hits += (best.estimate.contains(1.0), best.widened(4).estimate.contains(1.0))
    assert hits[0] / 1000 < 0.92
    assert hits[1] / 1000 >= 0.94


def _log_mean(found: LogEstimate) -> float:
    return found.log_mean
