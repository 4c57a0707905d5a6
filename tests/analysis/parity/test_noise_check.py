"""The noise scale's word on samples to the target, against what was measured."""

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.decision.advice import Ask
from ray_bench.analysis.noise_curve import NoiseEpoch
from ray_bench.analysis.parity.noise_check import NoiseCheck, noise_checks
from ray_bench.analysis.study import studies
from ray_bench.config.metric_target import MetricTarget
from ray_bench.report.noise_words import check_words
from ray_bench.stats.estimate import Estimate
from tests.analysis.parity.learned import NUM_SAMPLES, learned, noisy

TARGET = MetricTarget("val_accuracy_frac", ">=", 0.85)
PHI = 512.0
LUCK = noisy(0.1)


def check(predicted, measured, *, is_over_training=True):
    return NoiseCheck(
        world_size=4,
        lr_rule="linear",
        batch=512,
        base_batch=128,
        predicted=Estimate(*predicted),
        is_over_training=is_over_training,
        measured=Estimate(*measured),
    )


@pytest.mark.parametrize(
    ("predicted", "measured", "verdict"),
    [
        ((1.06, 1.04, 1.08), (1.8, 1.6, 2.1), "apart"),
        ((1.06, 1.0, 1.65), (1.8, 1.6, 2.1), "overlaps"),
        ((1.7, 1.0, 2.5), (1.8, 1.6, 2.1), "within"),
        ((1.06,), (1.8, 1.6, 2.1), "apart"),
        ((1.7,), (1.8, 1.6, 2.1), "within"),
        ((3.0, 2.5, 4.0), (1.8, 1.6, 2.1), "apart"),
        ((1.7, 1.0, 2.5), (1.8,), None),
    ],
)
def test_the_verdict_is_about_intervals(predicted, measured, verdict):
    assert check(predicted, measured).verdict == verdict


def test_both_numbers_are_said_with_what_follows():
    (said,) = check_words([check((1.06, 1.04, 1.08), (1.8, 1.6, 2.1))], TARGET)
    assert "4 workers with linear, samples to 85 % accuracy at a batch of 512 against 128" in said
    assert "predicted 1.06x (1.04 to 1.08) by the noise scale over training" in said
    assert "measured 1.8x (1.6 to 2.1): the noise scale does not describe this training" in said
    assert "(a rate that is not right at every batch does that)" in said
    late = check((1.06, 1.04, 1.08), (1.8, 1.6, 2.1), is_over_training=False)
    assert "measure.noise_curve=true would tell" in check_words([late], TARGET)[0]
    more = check((3.0, 2.5, 4.0), (1.8, 1.6, 2.1), is_over_training=False)
    assert "noise_curve" not in check_words([more], TARGET)[0]  # it was smaller before, if anything
    agreed = check((1.7, 1.0, 2.5), (1.8, 1.6, 2.1))
    assert check_words([agreed], TARGET)[0].endswith("is within the measured interval.")
    weak = check((1.06, 1.04, 1.08), (1.4, 0.8, 2.3))
    assert "and so is 1x: more seeds would tell" in check_words([weak], TARGET)[0]
    first, *_ = check_words([agreed, check((1.06,), (1.8, 1.6, 2.1))], TARGET)
    assert "does not describe" in first


def trained(growth, scale=PHI, seeds=(0, 1, 2, 3, 4), **changes):
    """Four workers need `growth` times the samples; both noise scales are planted."""
    made = learned(
        lambda *_: 0.9,
        lambda n, rule, s: 8.0 * (1 + LUCK(0, "", s)) * (growth if n == 4 else 1.0),
        sizes=(1, 4),
        seeds=seeds,
        scaling="weak",
        epochs=120,
        **changes,
    )
    steps = tuple(2.0 + 0.01 * np.arange(-3, 4)), tuple(2.0 * scale + np.arange(-3.0, 4.0))
    runs = [
        replace(x, grad_mean_sq_by_step=steps[0], grad_variance_by_step=steps[1]) for x in made.runs
    ]
    return replace(made, runs=tuple(runs))


def study_of(results):
    return studies(results, Ask(target=TARGET))[0]


def over_training(results, scale_of_epoch):
    scale = np.array([scale_of_epoch(n) for n in results.epochs["epoch"]])
    spread = np.linspace(0.99, 1.01, len(scale))
    moments = {"grad_mean_sq": 2.0 * spread, "grad_variance": 2.0 * scale}
    return replace(results, epochs={**results.epochs, **moments})


def test_a_training_as_the_noise_scale_says_agrees_and_another_does_not():
    right = (PHI + 512) / (PHI + 128)
    (found,) = study_of(trained(right)).noise_checks
    assert (found.world_size, found.batch, found.base_batch) == (4, 512, 128)
    assert found.predicted.value == pytest.approx(right)
    assert (found.verdict, found.is_over_training) == ("within", False)
    (other,) = study_of(trained(2.6)).noise_checks
    assert other.predicted.value == pytest.approx(right)
    assert other.verdict == "apart"


def test_over_training_the_epochs_up_to_the_target_count():
    """A noise scale that is 128 until long after the target: what it is later says nothing."""
    right = (128 + 512) / (128 + 128)
    results = over_training(trained(right), lambda n: 128.0 if n <= 100 else 1e6)
    study = study_of(results)
    (found,) = study.noise_checks
    assert found.is_over_training
    assert study.to_target.rows[1].samples.estimate.value < 100 * NUM_SAMPLES
    assert found.predicted.value == pytest.approx(right, rel=0.02)


def test_samples_times_efficiency_add_up():
    row = study_of(trained(2.0)).to_target
    scales = [128.0, 512.0]
    curve = [
        NoiseEpoch(
            world_size=4,
            lr_rule="linear",
            epoch=n,
            num_samples=None,
            global_batch_size=512,
            num_seeds=1,
            noise_scale=Estimate(scale),
            efficiency_frac=None,
        )
        for n, scale in enumerate(scales, start=1)
    ]
    (found,) = noise_checks(row, (), curve, {1: 128.0, 4: 512.0})
    efficiency = [(x + 128) / (x + 512) for x in scales]
    assert found.predicted == Estimate(pytest.approx(2 / sum(efficiency)))
    unknown = [curve[0], replace(curve[1], noise_scale=None)]
    assert noise_checks(row, (), unknown, {1: 128.0, 4: 512.0}) == ()


def test_where_no_batch_has_grown_or_nothing_was_measured_there_is_no_check():
    strong = trained(2.0)
    gain, noise = study_of(strong).to_target, study_of(strong).noise
    assert noise_checks(gain, noise, (), {1: 128.0, 4: 128.0}) == ()
    assert noise_checks(gain, noise, (), {}) == ()
    assert noise_checks(gain, (), (), {1: 128.0, 4: 512.0}) == ()
    (alone,) = study_of(trained(2.0, seeds=(0,))).noise_checks
    assert alone.verdict is None
    assert "how sure that is is not known" in check_words([alone], TARGET)[0]
