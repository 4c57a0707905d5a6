"""What NVML says of a rank's GPU: means, words, slices of a GPU, and nothing where it is silent."""

from __future__ import annotations

import json
import time

import pytest
import torch

from ray_bench.measure import nvml as nvml_library
from ray_bench.measure.energy import NvmlMeter
from ray_bench.measure.nvml import handle_of
from ray_bench.measure.topology import gpu_topology
from ray_bench.measure.utilization import (
    GpuUse,
    GpuWatch,
    join_uses,
    read_use,
    reasons_of,
    watch_gpu,
)
from tests.measure.fake_nvml import FakeNvml

FULL = {"rates": (80, 30), "clock": 1410, "heat": 61, "reasons": 0x04, "energy_mj": 1000}


def use(**changes) -> GpuUse:
    values = {
        "util_frac": 0.8,
        "memory_util_frac": 0.3,
        "clock_mhz": 1410.0,
        "temperature_c": 61.0,
        "throttle_reasons": (),
    }
    return GpuUse(**{**values, **changes})


@pytest.fixture
def sliced():
    """A GPU of which the rank has a MIG slice, which answers next to nothing itself."""
    return FakeNvml(GPU_whole={**FULL}, MIG_part={"parent": "GPU-whole"})


def test_a_reading():
    nvml = FakeNvml(GPU_a=FULL)
    assert read_use(handle_of(nvml, "a")) == use(throttle_reasons=("power cap",))


@pytest.mark.parametrize("uuid", ["a", "GPU-a"])
def test_the_physical_device_is_found_by_uuid_whatever_its_order(uuid):
    nvml = FakeNvml(GPU_b={"heat": 1}, GPU_a={"heat": 2})
    assert read_use(handle_of(nvml, uuid)).temperature_c == 2


@pytest.mark.parametrize("uuid", ["part", "MIG-part"])
def test_a_mig_slice_has_the_clock_and_heat_of_its_gpu_but_not_its_load_and_energy(sliced, uuid):
    handle = handle_of(sliced, uuid)
    assert handle.is_mig
    assert read_use(handle) == use(
        util_frac=None, memory_util_frac=None, throttle_reasons=("power cap",)
    )
    assert NvmlMeter(handle).joules() is None


def test_a_mig_slice_that_cuda_calls_otherwise_is_found_by_its_place(sliced, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-other,MIG-part")
    assert handle_of(sliced, "nobody-knows", ordinal=1).is_mig
    assert handle_of(sliced, "nobody-knows", ordinal=2) is None


def test_energy_is_the_difference_of_two_readings():
    nvml = FakeNvml(GPU_a={**FULL})
    meter = NvmlMeter(handle_of(nvml, "a"))
    nvml.devices["GPU-a"]["energy_mj"] = 3500
    assert meter.joules() == pytest.approx(2.5)


def test_a_device_that_tells_nothing_is_unknown_and_not_zero():
    nothing = read_use(handle_of(FakeNvml(GPU_a={}), "a"))
    assert {getattr(nothing, name) for name in GpuUse.__dataclass_fields__} == {None}
    assert not nothing.is_throttled
    assert NvmlMeter(handle_of(FakeNvml(GPU_a={}), "a")).joules() is None


def test_a_watch_reads_while_its_block_runs_and_its_thread_ends_with_it():
    nvml = FakeNvml(GPU_a=FULL)
    watch = GpuWatch(handle_of(nvml, "a"), interval_s=0.002)
    with watch:
        deadline = time.monotonic() + 5
        while nvml.num_reads < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
    reads = nvml.num_reads
    assert reads >= 3
    assert watch.use.util_frac == pytest.approx(0.8)
    assert watch.use.throttle_reasons == ("power cap",)
    time.sleep(0.01)
    assert nvml.num_reads == reads


def test_a_block_shorter_than_the_interval_is_read_once():
    nvml = FakeNvml(GPU_a=FULL)
    with GpuWatch(handle_of(nvml, "a"), interval_s=60) as watch:
        pass
    assert (nvml.num_reads, watch.use.util_frac) == (1, 0.8)


def test_a_watch_ends_when_the_block_fails():
    nvml = FakeNvml(GPU_a=FULL)
    watch = GpuWatch(handle_of(nvml, "a"), interval_s=60)
    with pytest.raises(ValueError, match="training"), watch:
        raise ValueError("training")
    assert watch.use is not None


def test_without_nvml_or_on_cpu_there_is_nothing():
    with watch_gpu(torch.device("cpu")) as watch:
        pass
    assert watch.use is None
    assert join_uses([]) is None


def test_nvml_without_a_gpu_is_no_nvml(monkeypatch):
    import pynvml

    def no_driver():
        raise pynvml.NVMLError_DriverNotLoaded

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert nvml_library.load() is None


def test_gpus_are_joined_by_means_and_the_highest_heat():
    joined = join_uses(
        [use(throttle_reasons=("power cap",)), use(util_frac=0.4, temperature_c=90.0)]
    )
    assert joined == use(
        util_frac=pytest.approx(0.6), temperature_c=90.0, throttle_reasons=("power cap",)
    )
    assert join_uses([use(), use(clock_mhz=None)]).clock_mhz is None
    assert join_uses([use(), None]) is None


@pytest.mark.parametrize(
    ("bits", "words", "is_throttled"),
    [
        (0x000, (), False),
        (0x001, (), False),  # idle
        (0x004, ("power cap",), False),
        (0x044, ("power cap", "hardware thermal slowdown"), True),
        (0x008, ("hardware slowdown",), True),
        (0x0A0, ("software thermal slowdown", "power brake"), True),
    ],
)
def test_reasons_in_words(bits, words, is_throttled):
    assert reasons_of(bits) == words
    assert use(throttle_reasons=words).is_throttled is is_throttled


def test_topology_of_nvlinks_switches_and_pcie():
    nvml = FakeNvml(
        GPU_a={"bus": b"0:1", "links": [b"0:2", b"0:2"], "level": 50},
        GPU_b={"bus": b"0:2", "links": [b"0:1", b"0:1"], "level": 50},
        GPU_c={"bus": b"0:3", "links": ["switch"] * 4, "level": 20},
        GPU_d={"bus": b"0:4", "links": ["switch"] * 3},
    )
    assert json.loads(gpu_topology(nvml)) == [
        ["X", "NV2", "SYS", "SYS"],
        ["NV2", "X", "SYS", "SYS"],
        ["PXB", "PXB", "X", "NV3"],
        [None, None, "NV3", "X"],
    ]


def test_topology_without_gpus_is_unknown():
    assert gpu_topology(None) is None
    assert gpu_topology(FakeNvml()) is None
