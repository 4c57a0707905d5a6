import math

import numpy as np
import pytest
from scipy import stats

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import MIN_VARIANCE, log_product, log_ratio, mean_log
from ray_bench.stats.means import (
    difference_of_means,
    effective_count,
    mean_estimate,
    mean_variance,
    t_interval,
    t_reach,
)

VALUES = np.array([3.0, 4.0, 4.5, 6.0, 7.5])
OTHERS = np.array([1.0, 1.5, 4.0])


def test_the_interval_of_a_mean_is_students():
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95)
    found = mean_estimate(VALUES)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert mean_estimate([3.0]) == Estimate(3.0)


def test_the_interval_of_a_difference_is_welchs():
    expected = stats.ttest_ind(VALUES, OTHERS, equal_var=False).confidence_interval(0.95)
    found = t_interval(*difference_of_means(VALUES, OTHERS))
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert t_interval(*difference_of_means(VALUES, OTHERS[:1])) == Estimate(4.0)


def test_a_ratio_is_welchs_of_the_logarithms():
    one, other = mean_log(np.log(VALUES)), mean_log(np.log(OTHERS))
    logs = (np.log(VALUES), np.log(OTHERS))
    expected = stats.ttest_ind(*logs, equal_var=False).confidence_interval(0.99)
    ratio = log_ratio(one, other)
    assert ratio.at(0.99).low == pytest.approx(math.exp(expected.low))
    assert ratio.half_width(0.99) == pytest.approx((expected.high - expected.low) / 2)
    assert log_product(one, other.inverse) == ratio
    assert ratio.times(3.0).estimate.value == pytest.approx(3 * ratio.estimate.value)


def test_values_that_are_alike_are_worth_fewer():
    slow = np.repeat([1.0, 2.0, 3.0, 2.0], 5)
    alone, together = mean_variance(slow), mean_variance(slow, is_correlated=True)
    assert together[0] > 2 * alone[0]
    assert together[1] < alone[1]


def test_the_worth_of_correlated_values_is_not_told_too_high():
    """The correlation of 30 values is found too small, by (1 + 4 r) / 30: at 0.5 by 0.1."""
    assert effective_count(np.array([1.0, 1.0, -1.0, -1.0])) == pytest.approx(4 * 0.25 / 1.75)
    assert effective_count(np.array([1.0, -1.0, 1.0, -1.0])) == 4.0
    noise = np.random.default_rng(0).normal(size=(1000, 130))
    series = np.zeros_like(noise)
    for k in range(1, 130):
        series[:, k] = 0.5 * series[:, k - 1] + noise[:, k]
    worth = [effective_count(x - x.mean()) for x in series[:, 100:]]
    assert np.median(worth) == pytest.approx(30 / 3, rel=0.1)


def test_equal_logarithms_show_no_noise_and_no_certainty():
    assert mean_log([0.5] * 4).variance == MIN_VARIANCE / 4
    assert mean_log([0.5]).variance is None


def test_no_noise_at_all_has_the_smallest_number_of_degrees():
    assert t_reach([(0.0, 3.0), (0.0, 5.0)]) == 0.0
