"""The path on CUDA, on real devices alone: phases from events, memory, energy, MFU, settings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from ray_bench.analysis.resources import mfu_frac
from ray_bench.config.grid import expand
from ray_bench.measure.clock import SystemClock
from ray_bench.train.group import Group
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog
from tests.train.test_loop import losses, request

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU that torch can use"),
]


def train(**values):
    device = torch.device("cuda", 0)
    group = Group(rank=0, world_size=1, local_rank=0, device=device)
    run = request(
        workload="cnn-fashion-mnist",
        batch_size=128,
        lr=0.02,
        data={"standin": True},
        **{
            "steps": 120,
            "measure": {"warmup_steps": 5, "warmup_s": 0, "phase_steps": 10, "block_s": 0.05},
            **values,
        },
    )
    planned = next(p for p in expand(run.config) if p.point.is_ddp is dist.is_initialized())
    run = replace(run, planned=planned)
    return train_rank(run, catalog.load("cnn-fashion-mnist"), group, SystemClock(device))


@pytest.fixture(scope="module")
def data():
    return train(precision="bf16")


def test_phases_from_events_are_in_order_and_add_up_to_steps_of_the_throughput_pass(data):
    steps = defaultdict(float)
    for phase in data.phases:
        assert phase.duration_s > -1e-5  # events resolve half a microsecond
        steps[phase.step] += phase.duration_s
    typical_s = sorted(steps.values())[len(steps) // 2]
    assert 0.5 < typical_s / data.run.step_time_s < 4  # short steps: each is waited for here


def test_memory_energy_and_mfu_are_there(data):
    assert data.run.peak_memory_bytes > 2**20
    assert data.run.energy_j is None or data.run.energy_j > 0
    peak = data.run.device_peak_flops_per_s
    assert (mfu_frac(data.run) is None) is (peak is None)
    if peak is not None:
        assert 0 < mfu_frac(data.run) < 1


def test_the_device_is_named_and_watched(data):
    assert data.environment.gpu_names == (torch.cuda.get_device_name(0),)
    assert data.environment.num_gpus == 1
    assert data.run.gpu_util_frac is None or 0 <= data.run.gpu_util_frac <= 1


@pytest.fixture
def nccl_of_one():
    torch.cuda.set_device(0)
    dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")
def test_ddp_over_nccl_stamps_its_buckets_within_the_step(nccl_of_one):
    ddp = {"at_world_size_one": True, "bucket_cap_mb": [0.05]}
    data = train(ddp=ddp)
    assert len({bucket.bucket for bucket in data.buckets}) > 1
    ends = defaultdict(float)
    for phase in data.phases:
        assert phase.duration_s > -1e-5
        ends[phase.step] += phase.duration_s
    for bucket in data.buckets:
        assert 0 < bucket.start_s <= bucket.end_s < ends[bucket.step]


@pytest.mark.filterwarnings(
    "ignore:.torch.jit.script_method. is deprecated"
)  # by torch 2.11 itself
@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_compiled_module_trains_the_same(mode):
    eager, compiled = train(), train(compile=mode)
    assert losses(compiled) == pytest.approx(losses(eager), rel=1e-2)
    assert compiled.run.compile_s > 0


def test_both_layouts_train_the_same():
    last, plain = train(memory_format="channels_last"), train(memory_format="contiguous")
    assert losses(last) == pytest.approx(losses(plain), rel=1e-2)
