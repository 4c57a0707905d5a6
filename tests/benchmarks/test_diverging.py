"""Diverged seeds do not make parity claim too much, nor hide what the others show."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.diverging import Planted, claimed_frac


def claimed(planted, num_sweeps=1500):
    return claimed_frac(np.random.default_rng(1), planted, num_sweeps)


@pytest.mark.parametrize("is_the_worst", [False, True], ids=["by chance", "the worst"])
@pytest.mark.parametrize("diverged_frac", [0.05, 0.4])
def test_equal_sides_are_called_different_in_5_percent_at_most(diverged_frac, is_the_worst):
    assert claimed(Planted(diverged_frac=diverged_frac, is_the_worst=is_the_worst)) <= 0.05


def test_a_family_holds_its_error_as_one():
    planted = Planted(num_cells=6, diverged_frac=0.2, shared_frac=0.5, is_the_worst=True)
    assert claimed(planted, 400) <= 0.05


def test_a_baseline_that_lost_its_worst_seeds_makes_nobody_worse():
    """Without the rule that it cannot be the better side then, 18 % would be called worse."""
    planted = Planted(
        num_seeds=10, diverged_frac=0.0, baseline_diverged_frac=0.4, is_the_worst=True
    )
    assert claimed(planted, 1000) <= 0.05


def test_one_point_less_is_shown_though_every_fifth_seed_diverges():
    planted = Planted(loss=0.01, diverged_frac=0.2, baseline_diverged_frac=0.0)
    assert claimed(planted, 300) > 0.85
    assert claimed(replace(planted, loss=0.0)) <= 0.05
