"""The all-reduce sweep between real gloo ranks: what is counted, and who decides."""

from __future__ import annotations

import pytest
import torch

from ray_bench.measure import network
from ray_bench.measure.clock import SystemClock
from tests.ranks import run_ranks

SIZES = (4, 2**16)


def measure(group):
    clock = SystemClock(group.device)
    return network.all_reduce_times(None, device=group.device, clock=clock, sizes_bytes=SIZES)


class SlowSecondRank:
    """A clock on which every all-reduce takes rank 1 a second, and rank 0 a millisecond."""

    def __init__(self, rank: int) -> None:
        self.time_ns = 0
        self.step_ns = 10**9 if rank else 10**6

    def now_ns(self) -> int:
        self.time_ns += self.step_ns
        return self.time_ns

    def synchronize(self) -> None:
        pass


def measure_with_a_slow_rank(group):
    clock = SlowSecondRank(group.rank)
    return network.all_reduce_times(None, device=group.device, clock=clock, sizes_bytes=(64,))


def test_all_ranks_agree_on_every_sample(tmp_path):
    first, second = run_ranks(measure, 2, tmp_path)
    assert first == second
    assert tuple(first) == SIZES
    for samples in first.values():
        assert network.MIN_SAMPLES <= len(samples) <= network.MAX_SAMPLES
        assert min(samples) > 0


def test_the_slowest_rank_counts_and_sets_the_number_of_samples(tmp_path):
    for times in run_ranks(measure_with_a_slow_rank, 2, tmp_path):
        assert times == {64: [pytest.approx(1.0)] * network.MIN_SAMPLES}


def test_sizes_reach_from_4_bytes_to_64_mebibytes():
    assert (network.SIZES_BYTES[0], network.SIZES_BYTES[-1]) == (4, 64 * 2**20)
    assert all(size % 4 == 0 for size in network.SIZES_BYTES)


def test_every_sample_has_a_record():
    records = network.network_records(
        {4: [0.1, 0.2], 64: [0.3]},
        network_id="n",
        nodes=["a", "b", "a"],
        backend="gloo",
        device=torch.device("cpu"),
        is_run_placement=True,
    )
    assert {(r.world_size, r.num_nodes, r.workers_per_node) for r in records} == {(3, 2, 2)}
    assert [(r.num_bytes, r.sample, r.duration_s) for r in records] == [
        (4, 0, 0.1),
        (4, 1, 0.2),
        (64, 0, 0.3),
    ]
    assert {(r.device, r.backend, r.network_id) for r in records} == {("cpu", "gloo", "n")}
