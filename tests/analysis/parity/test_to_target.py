"""What a target takes at every world size, beside throughput."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.curve import curve_of
from ray_bench.analysis.parity.history import histories_of
from ray_bench.analysis.parity.to_target import common_loss, to_target
from ray_bench.config.metric_target import MetricTarget
from tests.analysis.parity.learned import NUM_SAMPLES, learned

TARGET = MetricTarget("val_accuracy_frac", ">=", 0.85)


def found_of(results, target=TARGET, claimed=(1, 2, 4)):
    blocks = split_by_run(results.blocks)
    timed = {x.run_id for x in results.ok_runs if x.point.world_size in claimed}
    return to_target(
        results.runs,
        histories_of(results),
        target,
        curve_of(results.ok_runs, blocks),
        claimed,
        timed,
        lambda ids: curve_of([x for x in results.ok_runs if x.run_id in ids], blocks),
    )


@pytest.fixture(scope="module")
def slower():
    """Four workers are quicker in samples/s, but need twice the epochs."""
    return learned(
        lambda n, r, s: 0.9, lambda n, r, s: 8.0 * (1 + 1.2 * (n == 4)) + 0.1 * s, epochs=120
    )


def test_the_best_size_to_the_target_need_not_be_the_best_by_throughput(slower):
    found = found_of(slower)
    assert (found.fastest, found.fastest_rate, found.is_told_apart) == (2, 4, True)
    one, two, four = found.rows
    assert (one.speedup, one.cost, one.rate_speedup) == (None, None, None)
    assert two.rate_speedup.contains(1 / (0.05 + 0.95 / 2))
    # The same epochs, and 2 s of evaluation after each that do not shrink.
    assert 1.7 < two.speedup.value < two.train_speedup.value
    assert two.train_speedup.value == pytest.approx(two.rate_speedup.value, rel=0.02)
    assert two.cost.value == pytest.approx(2 / two.speedup.value)
    assert four.speedup.value < 0.6 * four.rate_speedup.value
    assert one.samples.estimate.value == pytest.approx(24 * NUM_SAMPLES, rel=0.05)
    assert one.with_eval_s.log_mean > one.train_s.log_mean


def test_a_world_size_with_a_run_that_does_not_get_there_has_a_median_and_no_mean():
    found = found_of(learned(lambda n, r, s: 0.8 if n == 2 and s == 0 else 0.9))
    one, two, _ = found.rows
    assert (two.num_reached, two.num_runs, two.is_complete) == (4, 5, False)
    assert (two.with_eval_s, two.speedup, two.cost) == (None, None, None)
    assert 0 < two.median_s < one.median_s
    assert found.fastest == 4


def test_diverged_runs_count(slower):
    gone = [
        replace(r, status="diverged") if (r.point.world_size, r.point.seed) == (4, 0) else r
        for r in slower.runs
    ]
    epochs = histories_of(slower)
    del epochs[next(r.run_id for r in gone if r.status == "diverged")]
    curve = curve_of(slower.ok_runs, {})
    found = to_target(gone, epochs, TARGET, curve, (1, 2, 4))
    assert (found.rows[2].num_reached, found.rows[2].num_runs) == (4, 5)


def test_the_rule_that_needs_fewest_samples_counts():
    """With one worker both rules are one training: it has both their runs."""
    found = found_of(
        learned(
            lambda *_: 0.9,
            lambda n, rule, s: 4.0 if rule == "sqrt" and n > 1 else 8.0 + 0.1 * s,
            rules=("linear", "sqrt"),
            scaling="weak",
        )
    )
    assert [row.lr_rule for row in found.rows] == ["linear/sqrt", "sqrt", "sqrt"]
    assert [row.num_runs for row in found.rows] == [10, 5, 5]
    assert found.num_rules == 2
    assert found.rows[1].more_samples.value == pytest.approx(0.5, rel=0.1)


def slow_sqrt(results):
    """The same sweep on a host that was three times as slow while sqrt was trained."""
    runs = []
    for run in results.runs:
        slow = 3.0 if (run.point.lr_rule, run.point.world_size) == ("sqrt", 4) else 1.0
        speed = run.throughput_samples_per_s / slow
        runs.append(replace(run, throughput_samples_per_s=speed))
    return replace(results, runs=tuple(runs))


def test_the_numbers_of_a_world_size_are_all_of_the_rule_that_counts():
    """Throughput as well: with both rules together it would be far less than linear's."""
    results = learned(
        lambda *_: 0.9,
        lambda n, rule, s: 8.0 + 0.1 * s + 4.0 * (rule == "sqrt" and n > 1),
        rules=("linear", "sqrt"),
        scaling="weak",
        sizes=(1, 4),
    )
    four = found_of(slow_sqrt(results)).rows[1]
    assert (four.lr_rule, four.num_rules, four.is_soonest) == ("linear", 2, True)
    alone = found_of(learned(lambda *_: 0.9, scaling="weak", sizes=(1, 4))).rows[1]
    assert four.rate_speedup.value == pytest.approx(alone.rate_speedup.value, rel=0.02)
    curve = curve_of(slow_sqrt(results).ok_runs, {})
    assert curve.ratio(4, 1).estimate.value < 0.7 * four.rate_speedup.value


def test_a_rule_that_the_data_chose_has_intervals_for_all_of_them():
    """Two more rules that nobody would take: the same value, and not as sure."""

    def of(*rules):
        slower = {"none": 20.0, "sqrt": 15.0}
        made = learned(
            lambda *_: 0.9,
            lambda n, rule, s: slower.get(rule, 8.0 + s * n / 4) if n > 1 else 8.0 + 0.1 * s,
            rules=rules,
            scaling="weak",
            sizes=(1, 4),
            epochs=120,
        )
        return found_of(made).rows[1]

    one, three = of("linear"), of("linear", "sqrt", "none")
    assert (one.num_rules, three.num_rules, three.lr_rule) == (1, 3, "linear")
    for name in ("speedup", "more_samples", "cost", "train_speedup"):
        before, after = getattr(one, name), getattr(three, name)
        assert after.value == pytest.approx(before.value, rel=0.02)
        assert after.low < before.low < before.high < after.high
    t = [stats.t.ppf(x, 4) for x in (1 - 0.025, 1 - 0.025 / 3)]
    widths = [math.log(x.more_samples.high / x.more_samples.low) for x in (one, three)]
    assert widths[1] / widths[0] == pytest.approx(t[1] / t[0])
    ways = [x.with_eval_s.estimate for x in (one, three)]
    assert math.log(ways[1].high / ways[1].low) > 1.2 * math.log(ways[0].high / ways[0].low)


def test_the_rule_is_the_soonest_where_times_are_known_and_has_the_fewest_samples_elsewhere():
    """Linear needs fewer samples; sqrt trains twice as fast, and is there first."""
    results = learned(
        lambda *_: 0.9,
        lambda n, rule, s: 8.0 + 0.1 * s + 1.0 * (rule == "sqrt" and n > 1),
        rules=("linear", "sqrt"),
        scaling="weak",
        sizes=(1, 4),
    )
    quick = {x.run_id for x in results.runs if x.point.lr_rule == "sqrt" and x.point.world_size > 1}
    is_quick = np.array([x in quick for x in results.epochs["run_id"]])
    epochs = {**results.epochs, "train_s": results.epochs["train_s"] / np.where(is_quick, 2, 1)}
    results = replace(results, epochs=epochs)
    claimed, unclaimed = (found_of(results, claimed=x).rows[1] for x in ((1, 4), (1,)))
    assert (claimed.lr_rule, claimed.is_soonest) == ("sqrt", True)
    assert (unclaimed.lr_rule, unclaimed.is_soonest) == ("linear", False)


def test_the_noise_of_samples_is_no_less_than_the_spacing_of_evaluations_leaves():
    """All seeds are read at the same evaluation: that is no exact number of samples."""
    row = found_of(learned(lambda *_: 0.9, every=10, epochs=40)).rows[0]
    late = row.resolution / row.samples.estimate.value
    assert row.samples.variance < 1e-12
    assert row.samples_noise == (pytest.approx(math.log1p(-min(late, 0.99)) ** 2 / 12), 4)
    alone = found_of(learned(lambda *_: 0.9, seeds=(0,))).rows[0]
    assert alone.samples_noise is None


def test_seeds_that_are_read_at_one_evaluation_are_too_late_together():
    """Five seeds of 8.03 and 11.97 epochs are read as 9 and 12: a ratio of 1.49 comes as 1.33."""
    results = learned(
        lambda *_: 0.9, lambda n, r, s: (2.7785 + 0.001 * s) * (1.49 if n == 4 else 1), sizes=(1, 4)
    )
    gained = found_of(results).rows[1].more_samples
    assert gained.value == pytest.approx(12 / 9)
    assert gained.contains(1.49)


def test_seeds_are_paired_so_that_a_lucky_seed_is_lucky_on_both_sides():
    found = found_of(
        learned(lambda *_: 0.9, lambda n, r, s: (6.0 + 2 * s) * (1 + 0.2 * (n == 2)), epochs=160)
    )
    gained = found.rows[1].more_samples
    assert gained.contains(1.2)
    assert gained.high / gained.low < 1.15
    alone = found.rows[1].samples.estimate
    assert alone.high / alone.low > 2


def test_a_size_without_a_claim_has_samples_and_no_times(slower):
    four = found_of(slower, claimed=(1, 2)).rows[2]
    assert (four.is_claimed, four.is_complete) == (False, True)
    assert {four.with_eval_s, four.speedup, four.train_speedup, four.rate_speedup, four.cost} == {
        None
    }
    assert four.more_samples.value == pytest.approx(2.2, rel=0.1)
    assert four.resolution == NUM_SAMPLES


def test_energy_to_the_target_is_in_proportion_to_time(slower):
    runs = [replace(run, energy_j=1000.0) for run in slower.runs]
    row = found_of(replace(slower, runs=tuple(runs))).rows[0]
    whole_s = (runs[0].train_s or 0) + (runs[0].eval_s or 0)
    assert row.energy_j.value == pytest.approx(
        1000 * row.with_eval_s.estimate.value / whole_s, rel=0.3
    )


def test_nobody_gets_there_and_nobody_looked():
    found = found_of(learned(lambda *_: 0.9), replace(TARGET, value=0.99))
    assert (found.fastest, found.fastest_rate, found.is_told_apart) == (None, 4, False)
    assert {(row.num_reached, row.median_s) for row in found.rows} == {(0, None)}
    assert found_of(learned(lambda *_: 0.9), MetricTarget("bleu", ">=", 0.3)) is None


def test_oversubscribed_sizes_are_not_best(slower):
    assert found_of(slower, claimed=(1,)).fastest == 1
    assert found_of(slower, claimed=()).fastest is None


def test_without_an_accuracy_the_loss_that_every_run_reached_is_the_target(slower):
    """Losses are 2 - accuracy; the slowest seed with four workers ends last."""
    epochs = histories_of(slower)
    target = common_loss(slower.runs, epochs)
    assert (target.metric, target.relation) == ("val_loss", "<=")
    assert target.value == pytest.approx(1.1)
    found = found_of(slower, target)
    assert all(row.is_complete for row in found.rows)
    assert common_loss(slower.runs, {}) is None


def test_repeats_of_a_seed_do_not_make_the_interval_narrow(slower):
    """Every run twice: as many seeds, and the same interval."""
    epochs = histories_of(slower)
    again = [replace(run, run_id=f"{run.run_id}-again") for run in slower.runs]
    twice = {**epochs, **{f"{name}-again": table for name, table in epochs.items()}}
    curve = curve_of(slower.ok_runs, {})
    once = to_target(slower.runs, epochs, TARGET, curve, (1, 2, 4)).rows
    both = to_target([*slower.runs, *again], twice, TARGET, curve, (1, 2, 4))
    assert [x.num_runs for x in both.rows] == [10, 10, 10]
    for a, b in zip(once, both.rows, strict=True):
        assert b.with_eval_s.estimate.low == pytest.approx(a.with_eval_s.estimate.low)
    assert not both.has_one_seed
    assert found_of(learned(lambda *_: 0.9, seeds=(0,))).has_one_seed


def test_rules_that_ended_with_the_same_losses_were_one_training():
    """Of legw the warm-up starts at zero; here it made no difference."""
    made = learned(lambda *_: 0.9, rules=("linear", "sqrt"), scaling="weak", sizes=(1, 2))
    legw = {"linear": "linear", "sqrt": "legw"}
    same = [
        replace(
            x,
            final_val_loss=1.0 + x.point.seed / 10,
            point=replace(x.point, lr_rule=legw[x.point.lr_rule]),
        )
        for x in made.runs
    ]
    assert found_of(replace(made, runs=tuple(same))).rows[0].lr_rule == "legw/linear"
    other = [
        replace(x, final_val_loss=1.5) if (x.point.lr_rule, x.point.seed) == ("legw", 3) else x
        for x in same
    ]
    assert found_of(replace(made, runs=tuple(other))).num_rules == 2


def test_the_noise_is_of_the_measurement_and_the_interval_of_the_choice():
    def row(*rules):
        made = learned(
            lambda *_: 0.9,
            lambda n, rule, s: (8 + 2 * (rule == "sqrt")) * (1 + 0.3 * s + 0.1 * n),
            rules=rules,
            scaling="weak",
            epochs=200,
        )
        return found_of(made).row(4)

    alone, chosen = row("linear"), row("linear", "sqrt")
    assert (chosen.lr_rule, chosen.num_rules) == ("linear", 2)
    assert chosen.samples.variance > 1.2 * alone.samples.variance
    assert chosen.samples_noise == pytest.approx(alone.samples_noise)
    assert alone.widening == 1.0
