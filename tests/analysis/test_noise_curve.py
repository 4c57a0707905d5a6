"""The noise scale over training, from planted moments."""

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.study import studies
from ray_bench.report.model import build_report
from tests.report.reports import column
from tests.synthetic import synthetic

SCALES = (50.0, 200.0, 800.0)


def planted(seeds=(0, 1, 2, 3), spread=0.02):
    """Noise scales of 50, 200 and 800 samples in three epochs, and some spread between seeds."""
    made = synthetic((1, 2), scaling="weak", seeds=seeds, repeats=1, epochs=3, with_phases=False)
    rng = np.random.default_rng(5)
    scale = np.array([SCALES[n - 1] for n in made.epochs["epoch"]])
    mean_sq = 2.0 * (1 + spread * rng.standard_normal(len(scale)))
    return replace(
        made, epochs={**made.epochs, "grad_mean_sq": mean_sq, "grad_variance": 2 * scale}
    )


def test_the_planted_scales_are_found_by_epoch_with_an_interval_over_seeds():
    rows = studies(planted())[0].noise_curve
    assert [(x.world_size, x.epoch, x.num_seeds) for x in rows][:4] == [
        (1, 1, 4), (1, 2, 4), (1, 3, 4), (2, 1, 4),
    ]  # fmt: skip
    for row in rows:
        assert row.noise_scale.contains(SCALES[row.epoch - 1])
        assert row.noise_scale.high < 1.2 * row.noise_scale.low
    assert rows[0].efficiency_frac.value == pytest.approx(1.0)
    assert rows[3].efficiency_frac.value == pytest.approx((50 + 128) / (50 + 256), rel=0.02)


def test_one_seed_has_no_interval_and_a_gradient_that_is_lost_in_noise_no_scale():
    rows = studies(planted(seeds=(0,)))[0].noise_curve
    assert {x.noise_scale.low for x in rows} == {None}
    assert any(x.noise_scale is None for x in studies(planted(spread=4.0))[0].noise_curve)


def test_the_report_has_it_in_a_fold_and_without_it_none():
    report = build_report(planted())
    assert column(report, "noise_curve", "epoch")[2].value == 3
    assert next(x for x in report.folds if x.key == "noise").sections[0].tables[0].notes
    assert studies(synthetic((1, 2)))[0].noise_curve == ()
