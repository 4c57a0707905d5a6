"""Whether 95 % intervals of a speedup are that, also where world sizes differ in noise."""

import math

import numpy as np
import pytest

from ray_bench.analysis.accuracy import accuracy, binomial_variance, difference
from ray_bench.analysis.estimate import LogEstimate, log_ratio
from ray_bench.analysis.throughput import log_means, pooled
from ray_bench.analysis.times import TimeRow, seconds_saved
from tests.synthetic import synthetic

TRUTH = (1.0, 1.9, 3.4, 5.5)


def coverage(noise: tuple[float, ...], *, repeats: int = 3, is_pooled: bool = False) -> float:
    """Return how often the interval of 5.5x, the last against the first, contains it."""
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(2000):
        values = rng.standard_normal((4, repeats)) * np.array(noise)[:, None]
        logs = np.log(TRUTH)[:, None] + values
        found = dict(enumerate(log_means(list(np.exp(logs)))))
        found = pooled(found) if is_pooled else found
        hits.append(log_ratio(found[3], found[0]).estimate.contains(5.5))
    return float(np.mean(hits))


@pytest.mark.parametrize("repeats", [3, 5])
@pytest.mark.parametrize(
    "noise", [(0.01, 0.01, 0.01, 0.03), (0.03, 0.01, 0.01, 0.01), (0.01, 0.015, 0.02, 0.03)]
)
def test_speedup_interval_covers_the_truth_when_noise_differs(noise, repeats):
    assert 0.93 <= coverage(noise, repeats=repeats) <= 0.97


def test_a_pooled_variance_would_not():
    """Why speedups do not use one: 85 %, and no better with the pooled variance's many df."""
    assert coverage((0.01, 0.01, 0.01, 0.03), is_pooled=True) < 0.90


def time_row(size: int, seconds: float, variance: float) -> TimeRow:
    total = LogEstimate(math.log(seconds), variance, 2.0, 3, "repeats")
    return TimeRow(
        world_size=size,
        total=total,
        train_s=seconds,
        eval_s=None,
        setup_s=None,
        with_setup=None,
        num_epochs=1.0,
        epoch=None,
        iteration=None,
    )


def test_saved_seconds_have_the_interval_of_a_difference():
    rows = [time_row(1, 100.0, 1e-4), time_row(2, 60.0, 4e-4)]
    found = seconds_saved(rows[1], rows)
    assert found.value == pytest.approx(40)
    sd = math.sqrt(100**2 * 1e-4 + 60**2 * 4e-4)
    assert (found.high - found.low) / 2 / sd == pytest.approx(2.83, abs=0.05)  # t with df 3.9


def test_repeats_of_one_seed_are_not_independent_accuracies():
    """The same seed trains the same model again: ten repeats must not narrow the interval."""
    few, many = (synthetic((1, 2), repeats=n).runs for n in (2, 10))
    widths = []
    for runs in (few, many):
        ours = [r for r in runs if r.point.world_size == 2]
        found = difference(ours, [r for r in runs if r.point.world_size == 1])
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.02)
    binomial = 2 * 1.96 * math.sqrt(2 * binomial_variance(0.62, 10_000))
    assert widths[0] == pytest.approx(binomial, rel=0.02)


def test_several_seeds_widen_the_interval():
    runs = synthetic((1, 2), seeds=(0, 1, 2), repeats=2).runs
    found = accuracy([run for run in runs if run.point.world_size == 1])
    binomial = 1.96 * math.sqrt(binomial_variance(found.value, 10_000))
    assert found.high - found.value > binomial


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_accuracy_stays_between_0_and_1_and_is_never_certain(share):
    runs = synthetic((1,), repeats=1, final_val_accuracy_frac=share).runs
    found = accuracy(runs)
    assert found.low >= 0
    assert found.high <= 1
    assert found.high - found.low > 1e-4
