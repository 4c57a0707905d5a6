"""What a cluster can give decides between CPU and GPU, or says why not."""

from __future__ import annotations

import socket

import pytest

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ClusterCapacityError, LaunchError
from ray_bench.launch.cluster import Capacity, _start, choose_gpu
from ray_bench.sweep.requested import resolve


def config(**values) -> SweepConfig:
    return SweepConfig(workload="cnn-digits", **values)


@pytest.mark.parametrize(
    ("use_gpu", "gpus", "chosen"), [(None, 0, False), (None, 8, True), (False, 8, False)]
)
def test_gpus_are_used_where_there_are_enough(use_gpu, gpus, chosen):
    asked = config(world_sizes=(1, 4), use_gpu=use_gpu)
    assert choose_gpu(asked, Capacity(cpus=8, gpus=gpus)) is chosen


def test_too_few_gpus_are_the_users_choice():
    with pytest.raises(ClusterCapacityError, match=r"has 2; take smaller .* or `use_gpu=false`"):
        choose_gpu(config(world_sizes=(1, 4)), Capacity(cpus=8, gpus=2))


@pytest.mark.parametrize("gpus", [1, 8])
def test_an_emulated_accelerator_needs_no_gpu(gpus):
    wanted = resolve("curve", []).config
    assert not choose_gpu(wanted, Capacity(cpus=8, gpus=gpus))
    asked = resolve("curve", ["use_gpu=true", "world_sizes=[1]"]).config
    assert choose_gpu(asked, Capacity(cpus=8, gpus=gpus))


def test_gpus_that_are_not_there_are_an_error():
    with pytest.raises(ClusterCapacityError, match="can give 0"):
        choose_gpu(config(world_sizes=(1,), use_gpu=True), Capacity(cpus=8, gpus=0))


def test_more_workers_than_cpus_name_the_largest_share_that_fits():
    with pytest.raises(ClusterCapacityError, match=r"needs 8 CPUs.*give 2.*cpus_per_worker=0\.25"):
        choose_gpu(config(world_sizes=(1, 8)), Capacity(cpus=2, gpus=0))


def test_fractional_cpus_fit():
    assert not choose_gpu(config(world_sizes=(8,), cpus_per_worker=0.25), Capacity(cpus=2, gpus=0))


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nothing_listens_fails_at_once(address):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        address = address.format(taken.getsockname()[1])
        with pytest.raises(LaunchError, match=r"Connection refused\. Check --address"):
            _start(address)
