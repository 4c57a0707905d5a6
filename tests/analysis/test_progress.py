"""Loss and accuracy from epoch to epoch."""

from __future__ import annotations

import numpy as np
import pytest

from ray_bench.analysis.progress import MAX_EPOCHS, chosen_epochs, progress_rows
from tests.samples import make_point, make_run


def table(**columns):
    return {name: np.array(values) for name, values in columns.items()}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [1]), (3, [1, 2, 3]), (6, [1, 2, 3, 4, 5, 6]), (11, [1, 3, 5, 7, 9, 11])],
)
def test_first_and_last_epoch_are_always_shown(count, expected):
    assert chosen_epochs([table(epoch=range(1, count + 1))]) == expected


def test_no_more_epochs_than_fit_on_a_page():
    assert len(chosen_epochs([table(epoch=range(1, 301))])) == MAX_EPOCHS


def test_values_are_means_over_runs_and_time_adds_up_whatever_the_order():
    epochs = {
        "a": table(epoch=[2, 1], num_samples=[60, 60], train_s=[3.0, 1.0], train_loss=[0.5, 2.0]),
        "b": table(epoch=[1, 2], num_samples=[60, 60], train_s=[2.0, 4.0], train_loss=[3.0, 1.5]),
    }
    first, last = progress_rows([make_run(run_id="a"), make_run(run_id="b")], epochs)
    assert (first.epoch, first.train_loss, first.train_s, first.num_samples) == (1, 2.5, 1.5, 60)
    assert (last.epoch, last.train_loss, last.train_s, last.num_samples) == (2, 1.0, 5.0, 120)


def test_unknown_is_none_and_a_run_that_ended_early_does_not_count():
    epochs = {
        "a": table(epoch=[1, 2], val_loss=[np.nan, 0.4]),
        "b": table(epoch=[1], val_loss=[np.nan]),
    }
    first, last = progress_rows([make_run(run_id="a"), make_run(run_id="b")], epochs)
    assert (first.val_loss, first.train_loss, first.train_s) == (None, None, None)
    assert last.val_loss == 0.4


def test_world_sizes_and_rules_have_rows_of_their_own():
    points = [(4, "linear"), (2, "sqrt"), (2, "linear")]
    runs = [
        make_run(run_id=str(i), point=make_point(world_size=n, lr_rule=rule))
        for i, (n, rule) in enumerate(points)
    ]
    epochs = {run.run_id: table(epoch=[1], train_loss=[1.0]) for run in runs}
    rows = progress_rows([*runs, make_run(run_id="without epochs")], epochs)
    assert [(row.world_size, row.lr_rule) for row in rows] == [
        (2, "linear"),
        (2, "sqrt"),
        (4, "linear"),
    ]
