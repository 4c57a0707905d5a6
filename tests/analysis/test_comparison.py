"""Two sweeps against each other: changes that were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.comparison import Metric, Outcome, Row, Verdict, compare
from ray_bench.analysis.comparison.interval import difference, relative_change
from ray_bench.errors import ConfigError
from ray_bench.stats.estimate import Estimate
from tests.network_samples import network_columns
from tests.planted import at_eight, planted, row_of


def test_a_loss_at_eight_workers_fails_the_gate_and_is_found_where_it_is():
    found = compare(planted(1), planted(2, at_eight(1.1)))
    assert found.outcome is Outcome.FAILED
    assert [(row.metric, row.world_size) for row in found.worse] == [(Metric.THROUGHPUT, 8)]
    row = row_of(found, Metric.THROUGHPUT, 8)
    assert row.change.contains(1 / 1.1 - 1)
    assert row.widened.low < row.change.low < row.change.high < row.widened.high < -0.02
    for size in (1, 2, 4):
        assert row_of(found, Metric.THROUGHPUT, size).verdict is Verdict.SAME
    assert row_of(found, Metric.SPEEDUP, 8).verdict is Verdict.WORSE
    assert row_of(found, Metric.COST, 8).verdict is Verdict.WORSE
    efficiency = row_of(found, Metric.EFFICIENCY, 8)
    assert efficiency.change.contains(efficiency.base.value * (1 / 1.1 - 1))
    assert row_of(found, Metric.SERIAL).change.value > 0.01


def test_a_gain_is_better_in_each_metric_its_own_direction():
    found = compare(planted(1), planted(2, lambda _: 0.9))
    assert found.outcome is Outcome.PASSED
    for metric in (Metric.THROUGHPUT, Metric.COST):
        assert {x.verdict for x in found.rows if x.metric is metric} == {Verdict.BETTER}
    assert row_of(found, Metric.THROUGHPUT, 4).change.contains(1 / 0.9 - 1)
    assert row_of(found, Metric.COST, 4).change.contains(-0.1)
    assert row_of(found, Metric.SPEEDUP, 4).verdict is Verdict.SAME


@pytest.mark.parametrize("change", [1.0, 1.01, 0.99])
def test_no_change_and_one_within_the_tolerance_are_the_same(change):
    found = compare(planted(1, noise=0.001), planted(2, lambda _: change, noise=0.001))
    assert found.outcome is Outcome.PASSED
    assert {row.verdict for row in found.gated} == {Verdict.SAME}


def test_the_same_change_beyond_a_smaller_tolerance_is_worse():
    pair = planted(1, noise=0.0005), planted(2, lambda _: 1.01, noise=0.0005)
    assert compare(*pair, tolerance_frac=0.005).outcome is Outcome.FAILED


def test_too_much_noise_cannot_tell_and_does_not_pass_either():
    found = compare(planted(1, noise=0.05), planted(2, noise=0.05))
    assert found.outcome is Outcome.UNDECIDED
    assert {row.verdict for row in found.open} == {Verdict.CANNOT_TELL}


def test_a_gain_that_may_also_be_none_passes_though_it_cannot_be_told():
    row = row_of(compare(planted(1), planted(2)), Metric.THROUGHPUT, 8)
    wide = replace(row, change=Estimate(0.02, -0.01, 0.05)).judged(0.02)
    assert (wide.verdict, wide.may_be_worse) == (Verdict.CANNOT_TELL, False)


def test_a_gated_row_is_worse_only_by_the_wider_interval():
    row = row_of(compare(planted(1), planted(2)), Metric.THROUGHPUT, 8)
    beyond = replace(row, change=Estimate(-0.05, -0.07, -0.03))
    assert replace(beyond, widened=None).judged(0.02).verdict is Verdict.WORSE
    narrow = replace(beyond, widened=Estimate(-0.05, -0.08, -0.025)).judged(0.02)
    wide = replace(beyond, widened=Estimate(-0.05, -0.09, -0.01)).judged(0.02)
    assert (narrow.verdict, wide.verdict) == (Verdict.WORSE, Verdict.CANNOT_TELL)
    assert wide.may_be_worse


CHANGES = st.lists(st.floats(-0.9, 2.0), min_size=3, max_size=3).map(sorted)
TOLERANCES = st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)).map(sorted)


@given(CHANGES, TOLERANCES, st.sampled_from(list(Metric)))
def test_a_larger_tolerance_never_makes_worse_or_better_of_the_same(change, tolerances, metric):
    low, value, high = change
    estimate = Estimate(value, low, high)
    row = Row(metric=metric, world_size=2, base=Estimate(1), new=Estimate(1), change=estimate)
    strict, lenient = (row.judged(tolerance) for tolerance in tolerances)
    if strict.verdict is Verdict.SAME:
        assert lenient.verdict is Verdict.SAME
    if lenient.verdict in (Verdict.WORSE, Verdict.BETTER):
        assert strict.verdict is lenient.verdict
    assert strict.may_be_worse >= lenient.may_be_worse
    for judged in (strict, lenient):
        assert judged.verdict is not Verdict.WORSE or judged.may_be_worse
        assert judged.verdict not in (Verdict.SAME, Verdict.BETTER) or not judged.may_be_worse


def test_a_sweep_is_the_same_as_itself():
    found = compare(planted(1), planted(1))
    assert found.outcome is Outcome.PASSED
    assert all(row.change.value == pytest.approx(0, abs=1e-12) for row in found.rows)


def test_a_faster_single_worker_makes_speedup_worse_and_nothing_slower():
    new = planted(2, lambda size: 0.8 if size == 1 else 1.0)
    assert compare(planted(1), new).outcome is Outcome.PASSED
    found = compare(planted(1), new, gate=[Metric.SPEEDUP])
    assert found.outcome is Outcome.FAILED
    assert {row.world_size for row in found.worse} == {2, 4, 8}


def test_time_to_an_accuracy_and_accuracy_are_compared():
    base = planted(1)
    slow = planted(2, lambda _: 1.5)
    found = compare(base, slow, target_frac=0.5)
    row = row_of(found, Metric.TIME_TO_ACCURACY, 4)
    assert row.change.contains(0.5)
    assert row.verdict is Verdict.WORSE
    assert row_of(found, Metric.ACCURACY, 4).verdict is Verdict.SAME
    runs = tuple(replace(run, final_val_accuracy_frac=0.4) for run in slow.runs)
    worse = compare(base, replace(slow, runs=runs))
    assert row_of(worse, Metric.ACCURACY, 4).verdict is Verdict.WORSE
    assert row_of(worse, Metric.ACCURACY, 4).change.value == pytest.approx(-0.22, abs=0.01)
    far = compare(base, slow, target_frac=0.99)
    assert not [row for row in far.rows if row.metric is Metric.TIME_TO_ACCURACY]


def test_memory_is_compared_and_can_gate():
    new = planted(2)
    more = tuple(replace(x, peak_memory_bytes=x.peak_memory_bytes * 5 // 4) for x in new.runs)
    found = compare(planted(1), replace(new, runs=more), gate=[Metric.MEMORY])
    assert row_of(found, Metric.MEMORY, 2).change.value == pytest.approx(0.25)
    assert found.outcome is Outcome.FAILED


def test_alpha_and_beta_come_from_network_sweeps_of_both():
    base = replace(planted(1), network=network_columns((2, 4)))
    slow = network_columns((2, 4), beta=2e-9, seed=1)
    found = compare(base, replace(planted(2), network=slow))
    beta = row_of(found, Metric.BETA)
    assert beta.verdict is Verdict.WORSE
    assert beta.change.contains(1.0)
    assert row_of(found, Metric.ALPHA).change.contains(0.0)
    assert beta.detail == "within a node"
    other = network_columns((2, 8), seed=1)
    assert not [
        row
        for new in (planted(2), replace(planted(2), network=other))
        for row in compare(base, new).rows
        if row.metric in (Metric.ALPHA, Metric.BETA)
    ]


def test_one_run_a_world_size_and_one_ladder_get_the_noise_between_launches():
    one = {"repeats": 1}
    found = compare(planted(1, noise=0, **one), planted(2, noise=0, **one))
    assert found.outcome is Outcome.UNDECIDED
    assert row_of(found, Metric.THROUGHPUT, 8).change.high > 0.027
    assert row_of(found, Metric.SPEEDUP, 8).change.high > 0.038
    ladder = {"ladder": True, "repeats": 6, "noise": 0.0001, "with_accuracy": False}
    found = compare(planted(1, **ladder), planted(2, at_eight(1.1), **ladder))
    assert found.outcome is Outcome.FAILED
    assert row_of(found, Metric.THROUGHPUT, 4).change.high > 0.027
    # Speedups of a ladder are taken round by round: what its launch does to all of them cancels.
    assert row_of(found, Metric.SPEEDUP, 4).change.high < 0.001


def test_without_repeats_or_blocks_there_is_no_interval_and_no_verdict():
    bare = {"repeats": 1, "with_blocks": False}
    found = compare(planted(1, **bare), planted(2, lambda _: 2.0, **bare))
    assert found.outcome is Outcome.UNDECIDED
    row = row_of(found, Metric.THROUGHPUT, 8)
    assert row.change == Estimate(row.change.value)
    assert row.change.value == pytest.approx(-0.5, rel=0.05)


@pytest.mark.parametrize("tolerance", [-0.01, 1.0, 2, float("nan"), float("inf")])
def test_a_tolerance_that_makes_no_sense_is_refused(tolerance):
    with pytest.raises(ConfigError, match="tolerance is a fraction"):
        compare(planted(1), planted(2), tolerance_frac=tolerance)


def test_a_gate_or_target_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="got beta"):
        compare(planted(1), planted(2), gate=[Metric.BETA])
    with pytest.raises(ConfigError, match="got none"):
        compare(planted(1), planted(2), gate=[])
    with pytest.raises(ConfigError, match="got 90"):
        compare(planted(1), planted(2), target_frac=90)


def test_settings_that_differ_are_listed():
    new = planted(2)
    config = new.sweep.config_json.replace('"epochs": null', '"epochs": 7')
    found = compare(planted(1), replace(new, sweep=replace(new.sweep, config_json=config)))
    assert [(x.name, x.base, x.new) for x in found.settings] == [("epochs", None, 7)]
    broken = replace(new, sweep=replace(new.sweep, config_json="{"))
    assert compare(planted(1), broken).gated


def test_a_ratio_needs_a_lower_bound_above_zero():
    assert relative_change(Estimate(2.0, 1.0, 3.0), Estimate(1.0, 0.0, 2.0)) == Estimate(1.0)
    assert difference(Estimate(2.0), Estimate(1.0, 0.5, 2.0)) == Estimate(1.0)


def test_differences_and_ratios_of_independent_estimates_cover_the_truth():
    rng = np.random.default_rng(3)
    hits = {"difference": 0, "ratio": 0}
    count = 4000
    for _ in range(count):
        base, new = (
            Estimate(x, x * np.exp(-1.96 * s), x * np.exp(1.96 * s))
            for truth, s in ((1.0, 0.1), (1.5, 0.2))
            for x in [truth * float(np.exp(s * rng.normal()))]
        )
        hits["difference"] += difference(new, base).contains(0.5)
        hits["ratio"] += relative_change(new, base).contains(0.5)
    for name, number in hits.items():
        assert 0.94 <= number / count <= 0.96, name


@pytest.mark.parametrize("metric", [Metric.THROUGHPUT, Metric.SPEEDUP, Metric.COST])
def test_a_gate_passes_only_with_all_its_rows(metric):
    found = compare(planted(1), planted(2, lambda _: 0.9), gate=(metric,), tolerance_frac=0.05)
    assert found.outcome is Outcome.PASSED
    first = found.gated[0]
    cut = replace(found, rows=tuple(row for row in found.rows if row is not first))
    assert cut.outcome is Outcome.UNDECIDED
    assert cut.unseen == (metric,)


def test_a_metric_that_nothing_tells_leaves_the_gate_undecided():
    gate = (Metric.THROUGHPUT, Metric.TIME_TO_ACCURACY)
    found = compare(planted(1), planted(2, lambda _: 0.9), gate=gate, target_frac=0.9999)
    assert found.outcome is Outcome.UNDECIDED
    assert found.unseen == (Metric.TIME_TO_ACCURACY,)
