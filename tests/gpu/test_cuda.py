"""The path on CUDA, on real devices alone: phases from events, memory, energy, MFU, settings."""

from __future__ import annotations

from collections import defaultdict

import pytest
import torch

from ray_bench.analysis.resources import mfu_frac
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


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_a_compiled_module_trains_the_same(mode):
    eager, compiled = train(), train(compile=mode)
    assert losses(compiled) == pytest.approx(losses(eager), rel=1e-2)
    assert compiled.run.compile_s > 0


def test_both_layouts_train_the_same():
    last, plain = train(memory_format="channels_last"), train(memory_format="contiguous")
    assert losses(last) == pytest.approx(losses(plain), rel=1e-2)
