"""One definition for the recorder and for the analysis."""

import numpy as np
import pytest

from ray_bench.analysis.blocks import block_throughput, job_blocks
from ray_bench.measure.totals import throughput
from ray_bench.records import BlockRecord
from ray_bench.stats.throughput import job_rate, job_seconds

NUM_RANKS, NUM_BLOCKS = 16, 40


def block(rank, index, seconds):
    place = {"run_id": "r", "rank": rank, "block": index, "epoch": 1, "start_s": 0.0}
    return BlockRecord(**place, num_steps=2, num_samples=8, duration_s=seconds, is_warmup=False)


@pytest.fixture(scope="module")
def table():
    seconds = 1 + 0.1 * np.random.default_rng(5).standard_normal((NUM_RANKS, NUM_BLOCKS))
    return {
        "rank": np.repeat(np.arange(NUM_RANKS), NUM_BLOCKS),
        "block": np.tile(np.arange(NUM_BLOCKS), NUM_RANKS),
        "duration_s": seconds.ravel(),
        "num_samples": np.full(seconds.size, 8),
        "is_warmup": np.zeros(seconds.size, dtype=bool),
    }


def test_recorder_and_analysis_agree(table):
    ranks = [
        [block(rank, i, float(s)) for i, s in enumerate(row)]
        for rank, row in enumerate(table["duration_s"].reshape(NUM_RANKS, NUM_BLOCKS))
    ]
    rate, step_s, _ = throughput(ranks)
    assert block_throughput(table).estimate.value == pytest.approx(rate, rel=1e-12)
    assert step_s == pytest.approx(
        job_seconds(table["rank"], table["duration_s"]) / (2 * NUM_BLOCKS)
    )


def test_noise_alone_does_not_slow_many_ranks(table):
    """The mean of 16 normals' maximum is 1.77 standard deviations above theirs."""
    rate = job_rate(table["rank"], table["duration_s"], table["num_samples"])
    assert rate == pytest.approx(NUM_RANKS * 8, rel=0.05)
    assert job_blocks(table)[0].mean() == pytest.approx(1.177, abs=0.03)


def test_without_time_there_is_no_rate():
    assert job_rate(np.array([0, 1]), np.array([0.0, -1.0]), np.array([8, 8])) is None
