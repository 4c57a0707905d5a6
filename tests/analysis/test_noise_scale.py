"""The noise scale by world size: which runs count, and where the batch lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.noise_scale import noise_rows, noise_scale
from ray_bench.analysis.study import studies
from tests.synthetic import synthetic

MEAN_SQ = (0.9, 1.0, 1.1, 1.0)
VARIANCE = (98.0, 102.0, 101.0, 99.0)


def runs_of(**values):
    given = {"grad_mean_sq_by_step": MEAN_SQ, "grad_variance_by_step": VARIANCE, **values}
    return synthetic((1, 2), **given).runs


@pytest.mark.parametrize(
    ("batch", "place", "more"), [(16, "below", 1.16), (100, "within", 2.0), (500, "above", 6.0)]
)
def test_where_the_batch_lies(batch, place, more):
    rows = noise_rows(runs_of(batch=batch))
    assert [row.world_size for row in rows] == [1, 2]
    for row in rows:
        assert row.noise_scale.value == pytest.approx(100)
        assert row.noise_scale.contains(100)
        assert row.batch_is == place
        assert row.more_samples.value == pytest.approx(more)
        assert row.more_samples.low < more < row.more_samples.high


def test_repeats_of_a_seed_count_once_and_seeds_do_not():
    (row, _) = noise_rows(runs_of(repeats=1))
    (again, _) = noise_rows(runs_of(repeats=3))
    (seeds, _) = noise_rows(runs_of(repeats=2, seeds=(0, 1)))
    assert (row.num_seeds, again.num_seeds, seeds.num_seeds) == (1, 1, 2)
    assert again.noise_scale == row.noise_scale
    assert seeds.noise_scale.high < row.noise_scale.high


def test_a_further_repeat_of_a_seed_changes_nothing():
    first, *_ = runs_of()
    again = replace(first, grad_variance_by_step=tuple(2 * x for x in VARIANCE))
    (row,) = noise_rows([first, again])
    assert row.noise_scale.value == pytest.approx(100)


@pytest.mark.parametrize("num_seeds", [1, 4])
def test_the_interval_covers_as_often_as_it_says(num_seeds):
    rng = np.random.default_rng(3)
    truth, spread = np.array([1.0, 100.0]), np.array([0.2, 20.0])
    steps = truth[:, None] + spread[:, None] * rng.normal(size=(500, num_seeds, 2, 16))
    found = [noise_scale(list(runs)) for runs in steps]
    covered = np.mean([x is not None and x.contains(100.0) for x in found])
    assert covered == pytest.approx(0.95, abs=0.025)


def test_rules_have_rows_of_their_own():
    rows = noise_rows(runs_of(rules=("none", "linear")))
    assert [(row.world_size, row.lr_rule) for row in rows] == [
        *((1, "linear"), (1, "none"), (2, "linear"), (2, "none"))
    ]


def test_a_mean_gradient_that_may_be_0_is_unknown():
    rows = noise_rows(runs_of(grad_mean_sq_by_step=(-1.0, 2.0, -0.5, 1.0)))
    assert [(row.noise_scale, row.batch_is, row.more_samples) for row in rows] == [(None,) * 3] * 2


def test_runs_without_gradients_have_no_row():
    results = synthetic((1, 2))
    assert studies(results)[0].noise == ()
    measured = [
        replace(run, grad_mean_sq_by_step=MEAN_SQ, grad_variance_by_step=VARIANCE)
        for run in results.runs
        if run.point.world_size == 2
    ]
    (row,) = noise_rows([*measured, *results.runs])
    assert row.world_size == 2
