"""The equivalence test, its power, Holm's procedure, and MLPerf's test, against known answers."""

import numpy as np
import pytest
from scipy import stats

from ray_bench.analysis.parity.mlperf import olympic_mean, reference_test
from ray_bench.analysis.parity.multiplicity import holm
from ray_bench.analysis.parity.power import (
    MAX_PAIRS,
    difference_power,
    needed,
    needed_pairs,
    power,
)
from ray_bench.analysis.parity.tost import p_equivalent, paired, unpaired

#: Simulated sweeps: the binomial error of a rate of 5 % is 0.11 points.
NUM_SWEEPS = 40_000


def shown(true, num_pairs, spread, margin=0.005, seed=11):
    """How often simulated paired differences are called equivalent at 5 %."""
    rng = np.random.default_rng(seed)
    found = true + spread * rng.standard_normal((NUM_SWEEPS, num_pairs))
    error = found.std(axis=1, ddof=1) / np.sqrt(num_pairs)
    return float((p_equivalent(found.mean(axis=1), error, num_pairs - 1, margin) <= 0.05).mean())


@pytest.mark.parametrize(("num_pairs", "spread"), [(3, 0.001), (5, 0.002), (10, 0.004)])
@pytest.mark.parametrize("side", [-1, 1])
def test_at_the_margin_one_in_twenty_is_called_equivalent(num_pairs, spread, side):
    assert 0.04 <= shown(side * 0.005, num_pairs, spread) <= 0.06


@pytest.mark.parametrize("num_pairs", [3, 5, 10])
def test_with_too_much_noise_the_test_errs_less_not_more(num_pairs):
    assert shown(0.005, num_pairs, spread=0.02) < 0.05


@pytest.mark.parametrize(("spread", "true"), [(0.001, 0.0), (0.003, 0.0), (0.003, 0.002)])
@pytest.mark.parametrize("num_pairs", [3, 6, 12])
def test_power_is_as_planned(num_pairs, spread, true):
    planned = power(spread, 0.005, num_pairs, true=true)
    assert shown(true, num_pairs, spread) == pytest.approx(planned, abs=0.01)


@pytest.mark.parametrize("wanted", [0.8, 0.9])
def test_the_pairs_that_are_needed_are_the_fewest(wanted):
    count = needed_pairs(0.004, 0.005, wanted)
    assert power(0.004, 0.005, count - 1) < wanted <= power(0.004, 0.005, count)
    assert shown(0.0, count, 0.004) == pytest.approx(power(0.004, 0.005, count), abs=0.01)


@pytest.mark.parametrize("spread", [0.002, 0.006])
def test_the_plan_has_its_power_at_holms_first_step_of_six(spread):
    """As many seeds as it asks for show equivalence in 80 %, and one fewer does not."""
    alpha = 0.05 / 6
    wanted = needed(spread, 4, 0.005, alpha=alpha).for_80
    shown = []
    for num_pairs in (wanted, wanted - 1):
        found = spread * np.random.default_rng(5).standard_normal((20_000, num_pairs))
        error = found.std(axis=1, ddof=1) / np.sqrt(num_pairs)
        shown.append(
            np.mean(p_equivalent(found.mean(axis=1), error, num_pairs - 1, 0.005) <= alpha)
        )
    assert shown[1] < 0.80 <= shown[0]


def test_more_noise_stricter_tests_and_unsure_spreads_need_more():
    plan = needed(0.003, 2, 0.005)
    assert plan.for_80 <= plan.for_90 < plan.for_90_at_bound
    assert needed_pairs(0.003, 0.005, 0.9, alpha=0.005) > plan.for_90
    assert needed_pairs(1.0, 0.005, 0.8) is None
    assert power(1.0, 0.005, MAX_PAIRS) == pytest.approx(0.0, abs=1e-6)
    assert (power(0.0, 0.005, 3), power(0.0, 0.005, 3, true=0.006)) == (1.0, 0.0)


@pytest.mark.parametrize(("true", "num_pairs"), [(0.004, 5), (-0.006, 4), (0.0, 6)])
def test_the_power_to_show_a_difference_is_as_planned(true, num_pairs):
    rng = np.random.default_rng(4)
    found = true + 0.003 * rng.standard_normal((NUM_SWEEPS, num_pairs))
    shown = float((stats.ttest_1samp(found, 0.0, axis=1).pvalue <= 0.05).mean())
    assert shown == pytest.approx(difference_power(0.003, true, num_pairs), abs=0.01)


def test_pairs_to_show_what_was_found():
    count = needed(0.003, 4, 0.001, -0.004).for_difference
    assert difference_power(0.003, 0.004, count - 1) < 0.80 <= difference_power(0.003, 0.004, count)
    assert needed(0.003, 4, 0.001).for_difference is None
    assert (difference_power(0.0, 0.1, 3), difference_power(0.0, 0.0, 3)) == (1.0, 0.0)


def test_both_tests_are_those_of_scipy():
    ours, theirs = np.array([0.91, 0.92, 0.905, 0.93]), np.array([0.912, 0.915, 0.91, 0.921])
    found = paired(ours - theirs)
    sides = [
        stats.ttest_rel(ours - shift, theirs, alternative=side).pvalue
        for shift, side in ((-0.005, "greater"), (0.005, "less"))
    ]
    assert found.p_equivalent(0.005) == pytest.approx(max(sides))
    assert found.p_different == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    welch = stats.ttest_ind(ours, theirs[:3], equal_var=False)
    assert unpaired(ours, theirs[:3]).p_different == pytest.approx(welch.pvalue)
    interval = welch.confidence_interval()
    found = unpaired(ours, theirs[:3]).estimate
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_equal_readings_are_not_equal_values():
    """Three seeds that all read 90 % on 100 samples do not show equivalence within 0.5 points."""
    assert paired([0.0, 0.0, 0.0]).p_equivalent(0.005) == 0.0
    coarse = paired([0.0, 0.0, 0.0], least_spread=0.01 / np.sqrt(6))
    assert coarse.p_equivalent(0.005) > 0.05
    assert paired([0.01, 0.01]).p_equivalent(0.005) == 1.0
    assert (paired([0.0, 0.0]).p_different, paired([0.1, 0.1]).p_different) == (1.0, 0.0)


def test_holm_is_the_worked_example():
    """Holm 1979 as in R's p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm"), in another order."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.7, 0.9]) == [1.0, 1.0]


def test_holm_holds_the_family_with_a_shared_baseline():
    """Four cells at the margin against one baseline: 5 % of sweeps or fewer have a false claim."""
    rng = np.random.default_rng(5)
    base = rng.standard_normal((4000, 1, 6))
    found = 0.005 + 0.001 * (rng.standard_normal((4000, 4, 6)) - base)
    error = found.std(axis=2, ddof=1) / np.sqrt(6)
    p_values = p_equivalent(found.mean(axis=2), error, 5, 0.005)
    wrong = np.mean([min(holm(row)) <= 0.05 for row in p_values])
    assert 0.01 < wrong <= 0.055
    assert np.mean(p_values.min(axis=1) <= 0.05) > 0.08  # without a correction


#: MLPerf training_rules.adoc, appendix: epochs to the target of ten reference runs by batch.
REFERENCE = {
    128: [16, 14, 16, 17, 16, 16, 15, 16, 15, 16],
    256: [20, 21, 21, 20, 22, 22, 21, 21, 20, 20],
}


def test_mlperfs_worked_example_comes_out_as_published():
    assert olympic_mean(REFERENCE[128]) == 15.75
    assert olympic_mean(REFERENCE[256]) == 20.75
    first = reference_test([15, 15, 15, 16, 16], REFERENCE[128])
    second = reference_test([19, 19, 19, 20, 21], REFERENCE[256])
    assert (first.verdict, second.verdict) == ("pass", "too_fast")
    assert (first.mean, second.mean) == pytest.approx((46 / 3, 58 / 3))


def test_the_least_mean_is_that_of_the_checkers_t_test():
    """rcp_checker.py searches for it with scipy's test, both spreads those of the reference."""
    kept = np.sort(REFERENCE[128])[1:-1]
    least = reference_test([16] * 5, REFERENCE[128]).least_mean
    p_value = stats.ttest_ind_from_stats(
        least, kept.std(), 3, kept.mean(), kept.std(), 8, alternative="less"
    ).pvalue
    assert p_value == pytest.approx(0.05)


def test_runs_that_do_not_converge():
    slow = reference_test([15, 16, 16, 17, np.inf], REFERENCE[128])
    assert slow.verdict == "pass"
    assert reference_test([15, 16, 16, np.inf, np.inf], REFERENCE[128]).verdict == "invalid"
    few = reference_test([15, 16, 16, 17], REFERENCE[128])
    assert (few.verdict, few.num_runs, few.wanted_runs) == ("too_few_runs", 4, 5)
    assert reference_test([15] * 5, REFERENCE[128][:9]).verdict == "too_few_runs"
    with pytest.raises(ValueError, match="3 values or more, got 2"):
        olympic_mean([1, 2])
