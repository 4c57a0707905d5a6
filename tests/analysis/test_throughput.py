import math

import numpy as np
import pytest

from ray_bench.analysis.blocks import block_throughput, job_blocks
from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.throughput import throughputs
from ray_bench.stats.log_estimate import LogEstimate, log_means, log_ratio, pooled
from ray_bench.stats.means import t_quantile
from tests.synthetic import synthetic


def block_table(duration_s, num_samples=10, ranks=1):
    count = len(duration_s)
    return {
        "rank": np.repeat(np.arange(ranks), count),
        "block": np.tile(np.arange(count), ranks),
        "duration_s": np.tile(np.asarray(duration_s, dtype=float), ranks),
        "num_samples": np.full(count * ranks, num_samples),
        "is_warmup": np.zeros(count * ranks, dtype=bool),
    }


def test_a_block_lasts_as_long_as_its_slowest_rank():
    table = {
        "block": np.array([0, 0, 1, 1, 2, 2]),
        "duration_s": np.array([9.0, 9.0, 1.0, 2.0, 3.0, 1.0]),
        "num_samples": np.array([5, 5, 4, 6, 5, 5]),
        "is_warmup": np.array([True, True, False, False, False, False]),
    }
    duration_s, num_samples = job_blocks(table)
    assert duration_s.tolist() == [2, 3]
    assert num_samples.tolist() == [10, 10]


def test_two_blocks_give_no_interval():
    found = block_throughput(block_table([1.0, 1.1]))
    assert found is not None
    assert found.variance is None


def test_no_blocks_give_nothing():
    assert block_throughput(block_table([])) is None


def test_speedup_interval_covers_the_truth():
    """1,2,4,8 workers, three runs each, 2 % noise: 2000 sweeps."""
    rng = np.random.default_rng(1)
    truth = np.log([1.0, 1.9, 3.4, 5.5])
    hits = []
    for _ in range(2000):
        logs = truth[:, None] + 0.02 * rng.standard_normal((4, 3))
        found = log_means(list(np.exp(logs)))
        hits.append(log_ratio(found[3], found[0]).estimate.contains(5.5))
    assert 0.93 <= np.mean(hits) <= 0.975


def test_within_run_interval_covers_the_truth():
    """30 independent blocks, 5 % noise; and 600 correlated ones (phi 0.5), put into 20 batches."""
    rng = np.random.default_rng(2)
    plain = [block_throughput(block_table(x)) for x in 1 + 0.05 * rng.standard_normal((800, 30))]
    noise = 0.05 * rng.standard_normal((800, 600))
    for i in range(1, 600):
        noise[:, i] += 0.5 * noise[:, i - 1]
    correlated = [block_throughput(block_table(x)) for x in 1 + noise]
    for found in (plain, correlated):
        assert 0.93 <= np.mean([x.estimate.contains(10.0) for x in found]) <= 0.97


def test_a_fit_pools_the_repeats_over_world_sizes():
    found = pooled(dict(enumerate(log_means([[1, 2], [4, 8], [3, 3]]))))
    expected = (math.log(2) ** 2 / 2 * 2) / 3
    assert [x.variance for x in found.values()] == pytest.approx([expected / 2] * 3)
    assert {x.df for x in found.values()} == {3}


def test_a_single_run_takes_the_spread_of_the_other_world_sizes():
    found = log_means([[1, 2], [4, 8, 6], [3]])
    assert found[2].df == 3
    both = sum(x.df * x.variance * x.num_runs for x in found[:2]) / 3
    assert found[2].variance == pytest.approx(both)
    assert pooled(dict(enumerate(found)))[2].variance == pytest.approx(both)


def test_two_runs_of_one_world_size_say_nothing_of_the_others():
    assert {x.variance for x in log_means([[1, 2], [4], [3]])} == {None}
    assert log_means([[1, 2, 3], [4]])[1].df == 2  # two runs each, on average


def test_one_run_each_takes_the_blocks():
    results = synthetic((1, 2), repeats=1)
    found = throughputs(results.runs, split_by_run(results.blocks))
    assert {x.source for x in found.values()} == {"within_run"}
    assert found[1].estimate.low is not None


def test_one_run_each_without_blocks_has_no_interval():
    results = synthetic((1, 2), repeats=1, with_blocks=False)
    found = throughputs(results.runs, {})
    assert [x.estimate.low for x in found.values()] == [None, None]


def test_equal_runs_do_not_divide_by_zero():
    found = log_means([[5.0, 5.0], [9.0, 9.0]])
    assert found[0].estimate.value == pytest.approx(5)
    assert found[0].estimate.low <= 5


def test_degrees_of_freedom_of_welch():
    one, other = (LogEstimate(0.0, v, 19, 1, "within_run") for v in (1e-4, 1e-4))
    assert log_ratio(one, other).df == pytest.approx(38)
    assert t_quantile(38) == pytest.approx(2.0244, abs=1e-4)
