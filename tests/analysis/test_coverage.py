"""Whether 95 % intervals of a speedup are that: noise that differs, steps that are correlated."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from ray_bench.analysis.accuracy import accuracy, binomial_variance, difference
from ray_bench.analysis.blocks import block_throughput
from ray_bench.analysis.curve import Curve
from ray_bench.analysis.times import TimeRow, seconds_saved
from ray_bench.stats.log_estimate import LogEstimate, log_means, log_ratio, pooled
from ray_bench.stats.means import t_quantile
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


#: Seconds of a step at 1 and at 8 workers; the true speedup is 5.5.
STEP_S = {1: 0.1, 8: 0.1 / 5.5}
SPEEDUP = 5.5
STEP_CV = 0.05

#: As the throughput pass makes them: at least 20 blocks of steps.
NUM_BLOCKS, STEPS_A_BLOCK = 24, 10
ROUNDS = 8


def steps(rng, phi, shape, step_s):
    """Return seconds of steps, shape `shape`, AR(1) along the last axis with correlation phi."""
    shocks = rng.standard_normal(shape) * math.sqrt(1 - phi**2)
    shocks[..., 0] /= math.sqrt(1 - phi**2)
    return step_s * (1 + STEP_CV * lfilter([1.0], [1.0, -phi], shocks, axis=-1))


def one_run_each(rng, phi):
    """One run per world size: the interval is that of its blocks."""
    found = {}
    for size, step_s in STEP_S.items():
        times = steps(rng, phi, (NUM_BLOCKS * STEPS_A_BLOCK,), step_s)
        table = {
            "rank": np.zeros(NUM_BLOCKS, dtype=int),
            "block": np.arange(NUM_BLOCKS),
            "duration_s": times.reshape(NUM_BLOCKS, STEPS_A_BLOCK).sum(axis=1),
            "num_samples": np.full(NUM_BLOCKS, STEPS_A_BLOCK),
            "is_warmup": np.zeros(NUM_BLOCKS, dtype=bool),
        }
        found[size] = block_throughput(table)
    return Curve(throughput=found).ratio(8, 1)


def repeats(rng, phi):
    """Five runs per world size, each with noise of its own beside that of its steps."""
    speeds = []
    for step_s in STEP_S.values():
        total_s = steps(rng, phi, (5, 200), step_s).sum(axis=1)
        speeds.append(200 / total_s * np.exp(0.005 * rng.standard_normal(5)))
    return Curve(throughput=dict(zip(STEP_S, log_means(speeds), strict=True))).ratio(8, 1)


def ladder(rng, phi):
    """Rounds of one group: what a round has in common is far larger than what it has not."""
    common = 0.1 * rng.standard_normal(ROUNDS)
    rounds, speeds = {}, []
    for size, step_s in STEP_S.items():
        total_s = steps(rng, phi, (ROUNDS * 50,), step_s).reshape(ROUNDS, 50).sum(axis=1)
        logs = np.log(50 / total_s) + common
        rounds[size] = {("ladder", i): float(x) for i, x in enumerate(logs)}
        speeds.append(np.exp(logs))
    points = dict(zip(STEP_S, log_means(speeds), strict=True))
    curve = Curve(throughput=points, rounds=rounds)
    assert curve.is_paired
    return curve.ratio(8, 1)


def share_covered(way, phi, draws):
    rng = np.random.default_rng(11)
    return float(np.mean([way(rng, phi).estimate.contains(SPEEDUP) for _ in range(draws)]))


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("way", [one_run_each, repeats, ladder])
def test_speedup_is_covered_when_steps_are_correlated(way, phi):
    """93 to 97 %, widened by two standard errors of 400 draws."""
    error = 2 * math.sqrt(0.05 * 0.95 / 400)
    assert 0.93 - error <= share_covered(way, phi, 400) <= 0.97 + error


@pytest.mark.slow
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("way", [one_run_each, repeats, ladder])
def test_speedup_is_covered_in_many_draws(way, phi):
    assert 0.93 <= share_covered(way, phi, 6000) <= 0.97


def test_blocks_that_ignored_their_correlation_would_cover_less():
    """Why they do not: at 0.8, blocks of ten steps taken as independent cover 88 %."""
    rng = np.random.default_rng(12)
    hits = []
    for _ in range(1500):
        blocks = steps(rng, 0.8, (240,), 1.0).reshape(24, 10).sum(axis=1)
        reach = t_quantile(23) * blocks.std(ddof=1) / math.sqrt(24)
        hits.append(abs(blocks.mean() - 10) <= reach)
    assert np.mean(hits) < 0.91


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
