"""The noise scale over training, from planted moments."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.study import studies
from ray_bench.report.model import build_report
from tests.report.reports import column
from tests.synthetic import synthetic

SCALES = (50.0, 200.0, 800.0)


def planted(seeds=(0, 1, 2, 3), spread=0.02, **changes):
    """Noise scales of 50, 200 and 800 samples in three epochs, and some spread between seeds."""
    values = {"scaling": "weak", "repeats": 1, "epochs": 3, "with_phases": False, **changes}
    made = synthetic((1, 2), seeds=seeds, **values)
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
    fold = next(x for x in report.folds if x.key == "noise")
    assert fold.sections[0].tables[0].notes
    assert [x.key for x in fold.pictures] == ["noise_curve"]
    assert studies(synthetic((1, 2)))[0].noise_curve == ()


def picture_of(report):
    return next((x for x in report.pictures if x.key == "noise_curve"), None)


def test_the_picture_has_the_numbers_of_the_table_against_samples_seen():
    report = build_report(planted())
    picture = picture_of(report)
    cells = column(report, "noise_curve", "noise_scale")
    assert len(picture.rows) == len(cells) == 6
    for row, cell in zip(picture.rows, cells, strict=True):
        ours = tuple(row[f"noise_samples{end}"] for end in ("", "_low", "_high"))
        assert ours == (cell.value, cell.low, cell.high)
    seen = [x["seen_samples"] for x in picture.rows if x["world_size"] == 2]
    assert seen == [seen[0], 2 * seen[0], 3 * seen[0]]
    assert seen[0] > 0
    assert {x["global_batch_size"] for x in picture.rows} == {128, 256}
    assert re.search(r"With 2 workers \d+.* in epoch 1, \d+.* in epoch 3, the global", picture.alt)
    assert picture.section in {x.key for x in report.sections}


def test_of_several_rules_a_line_is_that_of_the_way_to_the_target():
    report = build_report(planted(rules=("linear", "sqrt")))
    picture = picture_of(report)
    (best,) = [x for x in column(report, "target_gain", "rule") if "/" not in x.value]
    assert [x["lr_rule"] for x in picture.rows if x["world_size"] == 2] == [best.value] * 3
    assert f"2 workers, rule {best.value} " in picture.alt
    assert any("the table has all" in x for x in picture.notes)


def test_without_samples_or_a_scale_there_is_no_picture():
    assert picture_of(build_report(synthetic((1, 2)))) is None
    made = planted()
    lost = {**made.epochs, "grad_mean_sq": np.zeros_like(made.epochs["grad_mean_sq"])}
    assert picture_of(build_report(replace(made, epochs=lost))) is None
    one = picture_of(build_report(planted(seeds=(0,))))
    assert {x["noise_samples_low"] for x in one.rows} == {None}
    assert any("Of one seed there is no interval" in x for x in one.notes)


def test_efficiency_is_against_the_smallest_size_also_where_it_has_no_norms():
    made = planted()
    alone = np.array(["-w1-" in run_id for run_id in made.epochs["run_id"]])
    gone = {
        key: np.where(alone, np.nan, made.epochs[key]) for key in ("grad_mean_sq", "grad_variance")
    }
    rows = studies(replace(made, epochs={**made.epochs, **gone}))[0].noise_curve
    assert {x.world_size for x in rows} == {2}
    assert rows[0].efficiency_frac.value == pytest.approx((50 + 128) / (50 + 256), rel=0.02)
