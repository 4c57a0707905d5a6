"""Verdicts on sweeps whose truth is planted."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.parity.censored import median
from ray_bench.analysis.parity.compare import Margin, Obstacle, compare_samples
from ray_bench.analysis.parity.history import History, histories, histories_of
from ray_bench.analysis.parity.outcomes import Outcome, Reached, reached
from ray_bench.analysis.parity.runs import runs_of
from ray_bench.analysis.parity.study import parity
from ray_bench.config.metric_target import MetricTarget
from tests.analysis.parity.learned import learned, noisy

TARGET = MetricTarget("val_accuracy_frac", ">=", 0.85)


def judged(results, target=None, margin=None):
    (group,) = groups_of(results)
    return parity(runs_of(group, results), histories_of(results), target, margin)


def by_cell(rows):
    return {(row.world_size, row.lr_rule): row for row in rows}


def test_the_rule_that_loses_is_told_from_the_one_that_does_not():
    noise, rules = noisy(0.0005), ("linear", "none", "sqrt")
    lost = {("sqrt", 4): 0.013, ("none", 2): -0.02}
    results = learned(
        lambda n, rule, s: 0.9 - lost.get((rule, n), 0.0) + noise(n, rule * (n > 1), s),
        rules=rules,
        scaling="weak",
    )
    found = judged(results)
    rows = by_cell(found.of("accuracy"))
    assert (found.reference_size, found.of("samples")) == (1, ())
    assert set(rows) == {(n, rule) for n in (2, 4) for rule in rules}
    assert {cell for cell, row in rows.items() if row.verdict != "equivalent"} == {
        (4, "sqrt"),
        (2, "none"),
    }
    worse = rows[4, "sqrt"]
    assert (worse.verdict, rows[2, "none"].verdict) == ("worse", "better")
    assert worse.effect.low < -0.013 < worse.effect.high < -0.01
    assert worse.comparison.difference.is_paired
    assert worse.comparison.num_seeds == 5


def test_noise_asks_for_more_seeds_and_a_wider_margin_for_fewer():
    noise = noisy(0.006)
    results = learned(lambda n, rule, s: 0.9 + noise(n, rule, s), sizes=(1, 2))
    (row,) = judged(results).rows
    assert row.verdict == "too_few_runs"
    assert row.needed.for_90 > row.needed.for_80 > row.comparison.num_seeds
    (wide,) = judged(results, margin=Margin(accuracy_frac=0.05)).rows
    assert wide.verdict == "equivalent"


def test_a_difference_beyond_the_margin_asks_for_the_seeds_that_show_it():
    spread = {0: -0.03, 1: 0.0, 2: 0.0, 3: -0.045}
    results = learned(lambda n, r, s: 0.9 + (n > 1) * spread[s], sizes=(1, 2), seeds=range(4))
    (row,) = judged(results).rows
    assert (row.verdict, row.comparison.seems_beyond) == ("too_few_runs", True)
    assert 4 < row.needed.for_difference < row.needed.for_80


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_one_or_two_seeds_claim_nothing(seeds):
    (row,) = judged(
        learned(lambda n, rule, s: 0.9 - 0.2 * (n > 1) + 0.001 * s, sizes=(1, 2), seeds=seeds)
    ).rows
    assert (row.verdict, row.comparison.obstacle) == ("too_few_runs", Obstacle.FEW_SEEDS)
    assert (row.p_equivalent, row.p_different) == (1.0, 1.0)
    assert (row.needed is None) == (row.effect is None) == (len(seeds) == 1)


def test_seeds_that_are_not_shared_are_compared_unpaired():
    results = learned(lambda n, rule, s: 0.9 + 0.0005 * (s % 3), sizes=(1, 2), seeds=range(6))
    runs = [r for r in results.runs if (r.point.seed < 3) == (r.point.world_size == 1)]
    (row,) = judged(replace(results, runs=tuple(runs))).rows
    assert not row.comparison.difference.is_paired
    assert (row.comparison.num_seeds, row.comparison.num_reference_seeds) == (3, 3)
    assert row.verdict == "equivalent"


def test_repeats_of_a_seed_are_no_seeds():
    results = learned(lambda n, rule, s: 0.9, sizes=(1, 2), seeds=(0,), repeats=6)
    (row,) = judged(results).rows
    assert (row.verdict, row.comparison.num_seeds) == ("too_few_runs", 1)


def lost(gone, worse_by=0.0):
    """A sweep of 1 and 2 workers: who diverges at which size, and how the others of 2 end."""

    def end(n, rule, s):
        jitter = 0.0005 * (s + 0.3 * (n > 1) * (-1) ** s)
        return None if s in gone.get(n, ()) else 0.9 + jitter - worse_by * (n > 1)

    return judged(learned(end, sizes=(1, 2))).rows[0]


def test_diverged_runs_count_as_failures():
    row = lost({2: (0,)})
    assert (row.verdict, row.comparison.num_diverged) == ("not_shown", 1)
    assert row.comparison.obstacle is Obstacle.DIVERGED
    assert row.comparison.p_diverged == pytest.approx(0.5)  # 1 of 5 against 0 of 5
    assert (row.p_equivalent, row.p_different) == (1.0, 1.0)
    row = lost({2: (0, 1, 2, 3)})
    assert (row.verdict, row.comparison.num_diverged) == ("worse", 4)
    assert row.p_different == pytest.approx(6 / 252)  # of one that is left nothing else is asked


def test_with_a_diverged_seed_the_others_can_still_be_shown_to_be_worse():
    row, found = lost({2: (0,)}, 0.01), lost({2: (0,)}, 0.01).comparison
    assert (row.verdict, found.p_diverged) == ("worse", pytest.approx(0.5))
    assert (found.num_seeds, found.num_all, found.num_worse) == (4, 5, 5)
    assert row.p_different == found.difference.p_different < 0.001
    assert lost({2: (0,), 1: (0,)}, 0.01).verdict == "worse"
    assert lost({2: (0,), 1: (1,)}, 0.01).comparison.num_seeds == 3


def test_of_two_questions_each_has_half_of_the_error():
    """4 of 10 diverged and 6 are left: Fisher's test has 0.043 alone, and 0.087 of two."""
    results = learned(
        lambda n, r, s: None if n == 2 and s < 4 else 0.9 + 0.001 * ((s + n) % 2),
        sizes=(1, 2),
        seeds=range(10),
    )
    (row,) = judged(results).rows
    assert row.comparison.p_diverged == pytest.approx(0.0433, abs=1e-4)
    assert row.verdict == "not_shown"
    assert row.p_different == pytest.approx(2 * row.comparison.p_diverged)


def test_seeds_that_did_not_diverge_are_a_selection_and_show_nothing_good():
    for gone in ({2: (0,)}, {2: (0,), 1: (0,)}, {2: (0,), 1: (0, 1)}):
        for better_by in (0.0, 0.01):
            row = lost(gone, -better_by)
            assert (row.verdict, row.comparison.obstacle) == ("not_shown", Obstacle.DIVERGED)


def test_a_baseline_that_diverged_more_often_is_not_shown_to_be_better():
    """Its seeds that are left are a selection, too."""
    assert lost({1: (0,)}).verdict == "not_shown"
    assert lost({1: (0,)}).comparison.num_reference_diverged == 1
    assert lost({1: (0,)}, 0.01).verdict == "not_shown"
    assert lost({1: (0, 1), 2: (0,)}, 0.01).verdict == "not_shown"
    assert lost({1: (0,)}, -0.01).verdict == "better"


def test_where_there_is_no_accuracy_the_loss_is_compared_as_a_ratio():
    noise = noisy(0.002)
    results = learned(lambda n, rule, s: 0.9, sizes=(1, 2, 4))
    runs = [
        replace(
            run,
            final_val_accuracy_frac=None,
            final_val_loss=1.2
            * (1.05 if run.point.world_size == 4 else 1.0)
            * math.exp(noise(run.point.world_size, "", run.point.seed)),
        )
        for run in results.runs
    ]
    rows = by_cell(judged(replace(results, runs=tuple(runs))).of("loss"))
    assert (rows[2, "linear"].verdict, rows[4, "linear"].verdict) == ("equivalent", "worse")
    assert rows[4, "linear"].effect.value == pytest.approx(0.05, abs=0.005)


def test_samples_to_the_target_are_compared_on_a_log_scale():
    noise = noisy(0.02)

    def pace(n, rule, s):
        return (16.0 if n == 4 else 8.0) * math.exp(noise(n, rule, s))

    found = judged(learned(lambda n, rule, s: 0.9, pace, epochs=120), TARGET)
    rows = by_cell(found.of("samples"))
    assert rows[4, "linear"].verdict == "worse"
    # Evaluations are one of about 23 epochs apart, which is 0.09 of a ratio of 2.
    assert rows[4, "linear"].effect.value == pytest.approx(1.0, abs=0.09)
    assert rows[2, "linear"].verdict in ("equivalent", "too_few_runs")
    same = judged(learned(lambda n, rule, s: 0.9, lambda *_: 8.0, epochs=120), TARGET)
    assert {row.verdict for row in same.of("samples")} == {"equivalent"}


def test_evaluations_that_are_too_far_apart_show_no_equivalence():
    (row,) = judged(
        learned(lambda *_: 0.9, lambda *_: 5.0, sizes=(1, 2), epochs=40, every=4), TARGET
    ).of("samples")
    assert (row.verdict, row.comparison.obstacle) == ("not_shown", Obstacle.COARSE)
    (row,) = judged(learned(lambda *_: 0.9, lambda *_: 0.1, sizes=(1, 2)), TARGET).of("samples")
    assert row.comparison.obstacle is Obstacle.FIRST_EVALUATION


def test_runs_that_never_reach_the_target_are_not_dropped():
    def final(n, rule, s):
        return 0.8 if n == 2 and s < 2 else 0.9

    (row,) = judged(learned(final, sizes=(1, 2)), TARGET).of("samples")
    assert (row.verdict, row.comparison.obstacle) == ("not_shown", Obstacle.NOT_REACHED)
    assert (row.comparison.num_not_reached, row.comparison.num_seeds) == (2, 5)
    assert row.effect.value > 0
    noise = noisy(0.01)
    (row,) = judged(
        learned(lambda n, r, s: 0.8 if n == 2 else 0.9 + noise(n, r, s), sizes=(1, 2)), TARGET
    ).of("samples")
    assert (row.verdict, row.comparison.num_not_reached) == ("worse", 5)


def test_a_target_that_nobody_reaches_is_neither_equal_nor_worse():
    target = MetricTarget("val_accuracy_frac", ">=", 0.99)
    found = judged(learned(lambda *_: 0.9, sizes=(1, 2)), target)
    (row,) = found.of("samples")
    assert (row.verdict, row.comparison.num_not_reached) == ("not_shown", 5)
    assert (row.effect, row.comparison.obstacle) == (None, Obstacle.NOT_REACHED)
    assert found.rcp[2, "linear"].verdict == "too_few_runs"


def test_mlperfs_test_has_its_run_counts():
    results = learned(
        lambda *_: 0.9,
        lambda n, r, s: 5.0 / (1 + (n == 2)) + 0.1 * s,
        sizes=(1, 2),
        seeds=range(10),
    )
    rcp = judged(results, TARGET).rcp[2, "linear"]
    assert (rcp.verdict, rcp.num_runs, rcp.num_reference_runs) == ("too_fast", 10, 10)


def test_nothing_to_compare():
    assert judged(learned(lambda *_: 0.9, sizes=(1,))) is None
    results = learned(lambda *_: 0.9, sizes=(1, 2), final_val_loss=None)
    unknown = [replace(run, final_val_accuracy_frac=None) for run in results.runs]
    assert judged(replace(results, runs=tuple(unknown)), TARGET) is None


@pytest.mark.parametrize("broken", [math.nan, math.inf, None])
def test_a_seed_without_a_number_is_no_seed(broken):
    results = learned(lambda n, r, s: 0.9 + 0.0005 * s, sizes=(1, 2))
    runs = [
        replace(r, final_val_accuracy_frac=broken) if r.point.seed == 1 else r for r in results.runs
    ]
    (row,) = judged(replace(results, runs=tuple(runs))).rows
    assert (row.verdict, row.comparison.num_seeds) == ("equivalent", 4)
    runs = [replace(r, final_val_accuracy_frac=None, final_val_loss=-1.0) for r in results.runs]
    assert judged(replace(results, runs=tuple(runs))).rows == ()


def read(epochs, evaluations=None) -> History:
    found = histories({"run": epochs}, None if evaluations is None else {"run": evaluations})
    return found["run"]


def test_a_run_comes_to_its_target_at_an_evaluation():
    table = {
        "epoch": np.array([2, 1, 3, 4]),
        "num_samples": np.array([10, 10, 10, 10]),
        "train_s": np.array([2.0, 1.0, 3.0, 4.0]),
        "eval_s": np.array([0.5, None, None, 0.5], dtype=object),
        "val_accuracy_frac": np.array([0.5, None, None, 0.9], dtype=object),
    }
    found = reached(read(table), TARGET)
    assert (found.epoch, found.samples, found.samples_before) == (4.0, 40.0, 20.0)
    assert (found.train_s, found.with_eval_s) == (10.0, 11.0)
    never = reached(read(table), replace(TARGET, value=0.95))
    assert (never.epoch, never.samples, never.seen) == (None, None, 40.0)
    assert reached(read({**table, "val_accuracy_frac": np.full(4, np.nan)}), TARGET) is None
    assert reached(read(table), MetricTarget("bleu", ">=", 0.3)) is None
    assert reached(None, TARGET) is None


def test_evaluations_within_epochs_count_and_nothing_is_interpolated():
    epochs = {"epoch": np.array([1, 2]), "num_samples": np.array([100, 100])}
    within = {
        "evaluation": np.array([2, 0, 1]),
        "epoch": np.array([2, 1, 1]),
        "num_samples": np.array([150, 50, 100]),
        "train_s": np.array([3.0, 1.0, 2.0]),
        "with_eval_s": np.array([4.5, 1.5, 3.0]),
        "val_accuracy_frac": np.array([0.95, 0.5, 0.8], dtype=object),
        "val_loss": np.array([0.1, 0.5, 0.3]),
    }
    found = reached(read(epochs, within), MetricTarget("val_acc", ">=", 0.85))
    assert (found.epoch, found.samples, found.samples_before) == (1.5, 150.0, 100.0)
    assert (found.train_s, found.with_eval_s) == (3.0, 4.5)
    assert reached(read(epochs, within), MetricTarget("loss", "<=", 0.3)).samples == 100.0
    in_percent = {**within, "val_accuracy_frac": within["val_accuracy_frac"] * 100}
    assert reached(read(epochs, in_percent), TARGET) is None


def test_what_a_script_told_by_name_is_a_metric():
    within = {
        "evaluation": np.array([0, 1, 2]),
        "epoch": np.array([1, 1, 1]),
        "num_samples": np.array([50, 100, 150]),
        "train_s": np.array([1.0, 2.0, 3.0]),
        "with_eval_s": np.array([1.0, 2.0, 3.0]),
        "val_loss": np.array([None, None, None], dtype=object),
        "val_accuracy_frac": np.array([None, None, None], dtype=object),
        "metric_names": np.array([None, ("val_f1",), ("val_f1", "lr")], dtype=object),
        "metric_values": np.array([None, (0.7,), (0.8, 0.1)], dtype=object),
    }
    found = reached(histories({}, {"run": within})["run"], MetricTarget("val_f1", ">=", 0.8))
    assert (found.samples, found.samples_before) == (150.0, 100.0)
    assert reached(histories({}, {"run": within})["run"], TARGET) is None


def test_the_median_is_that_of_kaplan_and_meier():
    """By hand: the curve falls to 0.8, 0.6, and from two that are left to 0.3 at 4."""
    assert median([1, 2, 3, 4, 5], [True, True, False, True, True]) == 4
    assert median([3, 1, 2], [True] * 3) == 2
    assert median([1, 5, 5], [True, False, False]) is None
    assert median([5, 5], [False, False]) is None


def test_what_lies_between_two_evaluations_is_taken_off_the_margin():
    """15.1 epochs read as 16 and 16.7 as 17: 10 % look like 6 %."""
    base, other = (
        [
            Outcome(
                seed=i,
                quality=None,
                is_diverged=False,
                is_stopped=False,
                num_val_samples=None,
                reached=Reached(
                    epoch=last,
                    samples=100.0 * last,
                    samples_before=100.0 * (last - 1),
                    train_s=None,
                    with_eval_s=None,
                    seen=4000.0,
                ),
            )
            for i in range(10)
        ]
        for last in (16, 17)
    )
    found = compare_samples(other, base, math.log(1.1))
    assert found.difference.p_equivalent(math.log(1.1)) < 0.05 < found.p_equivalent
    assert found.room == pytest.approx(math.log(1.1) - math.log(16 / 15))
