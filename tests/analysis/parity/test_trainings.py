"""Rules that are one training are told by what they are and by what they did."""

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.parity.history import histories_of
from ray_bench.analysis.parity.study import parity
from ray_bench.analysis.parity.trainings import label_of, trainings
from tests.analysis.parity.learned import learned

#: Rates of linear and sqrt in weak scaling differ; those of legw are sqrt's.
RULES = {"linear": "linear", "sqrt": "sqrt", "none": "legw"}


def planted(quality=lambda n, rule, s: 0.9 - 0.001 * s, rates=None, seeds=(0, 1, 2), **changes):
    """Return a sweep with linear, sqrt and legw; what is planted of legw comes as `none`."""
    made = learned(
        quality, rules=tuple(RULES), scaling="weak", sizes=(1, 4), seeds=seeds, epochs=5, **changes
    )
    runs = [
        replace(
            run,
            final_val_loss=None if run.status == "diverged" else 2 - run.final_val_accuracy_frac,
            point=replace(run.point, lr_rule=RULES[run.point.lr_rule], lr=_rate(run.point)),
        )
        for run in made.runs
    ]
    cells = {run.run_id: (run.point.lr_rule, run.point.world_size) for run in runs}
    lr = [(rates or {}).get(cells[x], 0.01) for x in made.epochs["run_id"]]
    return replace(made, runs=tuple(runs), epochs={**made.epochs, "lr": np.array(lr)})


def _rate(point):
    return 0.2 if (point.lr_rule, point.world_size) == ("none", 4) else point.lr


def labels(results, size=4):
    found = trainings(results.runs, histories_of(results))
    return sorted(label_of(x) for x in found if x[0].point.world_size == size)


def test_the_same_rate_and_the_same_numbers_are_one_training():
    assert labels(planted()) == ["legw/sqrt", "linear"]


def test_another_peak_another_applied_rate_or_one_other_digit_is_another_training():
    assert labels(planted(rates={("legw", 4): 0.02})) == ["legw", "linear", "sqrt"]
    ulp = np.nextafter(0.898, 1.0)
    assert ulp != 0.898
    other = planted(lambda n, r, s: ulp if (n, r, s) == (4, "none", 2) else 0.9 - 0.001 * s)
    assert labels(other) == ["legw", "linear", "sqrt"]


def test_equal_ends_after_different_ways_are_two_trainings():
    """Networks that are dead end alike: the evaluations before tell."""
    results = planted()
    late = {x.run_id for x in results.runs if x.point.lr_rule == "legw"}
    table = results.epochs
    is_first = np.isin(table["run_id"], list(late)) & (table["epoch"] == 1)
    moved = {**table, "val_accuracy_frac": table["val_accuracy_frac"] - 0.1 * is_first}
    assert labels(replace(results, epochs=moved)) == ["legw", "linear", "sqrt"]


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_one_seed_that_is_equal_is_not_enough(seeds):
    is_one = len(seeds) > 1
    assert labels(planted(seeds=seeds)) == (
        ["legw/sqrt", "linear"] if is_one else ["legw", "linear", "sqrt"]
    )


def test_a_seed_that_diverged_under_one_rule_only_tells_them_apart():
    def end(diverged):
        return lambda n, r, s: None if (n, s) == (4, 0) and r in diverged else 0.9 - 0.001 * s

    assert labels(planted(end({"none"}))) == ["legw", "linear", "sqrt"]
    assert labels(planted(end({"none", "sqrt"}))) == ["legw/sqrt", "linear"]
    # With a single seed left that is equal, and nothing but failures beside it, it is not known.
    assert labels(planted(end({"none", "sqrt"}), seeds=(0, 1))) == ["legw", "linear", "sqrt"]


def test_rules_whose_rate_has_not_grown_are_one_but_for_how_they_climb():
    """Of legw the warm-up starts at 0; that it made no difference is told by the numbers."""
    assert labels(planted(), 1) == ["legw/linear/sqrt"]
    other = planted(lambda n, r, s: 0.9 - 0.001 * s - 0.01 * (r == "none"))
    assert labels(other, 1) == ["legw", "linear/sqrt"]


def test_one_training_is_one_test_and_has_the_seeds_of_all_its_rules():
    """Seed 3 ran under legw alone, seed 4 under sqrt alone."""
    noise = np.random.default_rng(3).normal(0, 0.001, 10)
    results = planted(lambda n, r, s: 0.9 + noise[s + 5 * (n == 4)], seeds=range(5))
    left_out = {("legw", 4, 4), ("sqrt", 4, 3)}
    runs = [
        x
        for x in results.runs
        if (x.point.lr_rule, x.point.world_size, x.point.seed) not in left_out
    ]
    found = parity(runs, histories_of(results), None)
    assert [x.lr_rules for x in found.rows] == [("legw", "sqrt"), ("linear",)]
    assert [x.lr_rule for x in found.rows] == ["legw/sqrt", "linear"]
    assert [x.comparison.num_seeds for x in found.rows] == [5, 5]
    one, other = found.rows
    assert one.comparison.difference == other.comparison.difference
    # Two tests, of which both have the same p-value: Holm doubles it, and does not treble it.
    assert one.p_equivalent == pytest.approx(2 * one.comparison.p_equivalent)


def test_seeds_that_are_the_same_to_the_digit_stay_so_in_the_mean():
    results = planted(lambda n, r, s: 0.1 + 0.7 * (s + 1) / 7, seeds=range(5))
    found = parity(results.runs, histories_of(results), None)
    assert {x.comparison.difference.value for x in found.rows} == {0.0}


def test_equal_accuracies_alone_do_not_make_one_training():
    made = planted()
    runs = tuple(replace(x, final_val_loss=None, final_train_loss=None) for x in made.runs)
    bare = trainings(runs, {})
    assert sorted(label_of(x) for x in bare if x[0].point.world_size == 4) == [
        "legw",
        "linear",
        "sqrt",
    ]
