"""The doctor's judgements: what is fine, what limits, and that each limit says what to change."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
import torch

from ray_bench.measure import doctor, noise, precision
from ray_bench.measure import doctor_hardware as hardware
from ray_bench.measure import doctor_settings as settings
from ray_bench.measure.environment import cpu_governor, cpu_quota
from tests.measure.fake_nvml import FakeNvml

GIB = 2**30
QUIET = noise.Noise(spread_frac=0.005, steal_frac=0.0, load_per_core=0.1)


def heard(**changes) -> noise.Noise:
    values = {"spread_frac": 0.005, "steal_frac": 0.0, "load_per_core": 0.1}
    return noise.Noise(**{**values, **changes})


def bf16(ratio: float) -> precision.Bf16Time:
    return precision.Bf16Time(work="work", ratio=ratio, low=ratio - 0.05, high=ratio + 0.05)


def gpu(**changes):
    return {"name": "Made-up GPU", "mig": (0, 0), "bus": b"0", **changes}


class Nvml(FakeNvml):
    def nvmlDeviceGetName(self, device):  # noqa: N802
        return device["name"]

    def nvmlDeviceGetMigMode(self, device):  # noqa: N802
        return self._get(device, "mig")

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return "580.1"


@pytest.mark.parametrize(
    "check",
    [
        hardware.cores(8, 16),
        settings.noise(QUIET),
        hardware.clock_resolution(4e-8),
        hardware.governor("performance"),
        hardware.energy(is_readable=True),
        hardware.gpus(Nvml(GPU_a=gpu()), has_cuda=True),
        hardware.cpu_bf16([bf16(0.5), bf16(0.8)], {"sse", "avx512_bf16"}),
        hardware.memory(16 * GIB, 8 * GIB, 8),
        settings.interfaces(["eth0"], {}),
        settings.interfaces(["eth0", "ib0"], {"GLOO_SOCKET_IFNAME": "ib0"}),
        settings.niceness(0),
        settings.threads(None),
        settings.data_sets({"digits": "here"}),
    ],
    ids=lambda check: check.name,
)
def test_what_is_fine(check):
    assert (check.state, check.change) == ("ok", None)


@pytest.mark.parametrize(
    "check",
    [
        hardware.cores(1, 2),
        settings.noise(heard(spread_frac=0.2)),
        settings.noise(heard(steal_frac=0.05)),
        settings.noise(heard(load_per_core=0.9)),
        hardware.clock_resolution(1e-3),
        hardware.governor("powersave"),
        hardware.energy(is_readable=False),
        hardware.gpus(None, has_cuda=False),
        hardware.gpus(None, has_cuda=True),
        hardware.gpus(Nvml(), has_cuda=False),
        hardware.gpus(Nvml(GPU_a=gpu()), has_cuda=False),
        hardware.gpus(Nvml(GPU_a=gpu(mig=(1, 1))), has_cuda=True),
        hardware.cpu_bf16([bf16(1.3), bf16(2.0)], {"sse", "avx512_bf16"}),
        hardware.cpu_bf16([bf16(1.3), bf16(0.5)], None),
        hardware.cpu_bf16([bf16(1.0), bf16(0.5)], None),
        hardware.memory(16 * GIB, 2 * GIB, 8),
        settings.interfaces(["eth0", "ib0"], {}),
        settings.niceness(15),
        settings.threads("4"),
        settings.data_sets({"digits": "here", "cifar10": None}),
    ],
    ids=lambda check: check.name,
)
def test_what_is_limited_says_what_to_change(check):
    assert check.state == "limited"
    assert check.change


def test_what_the_system_does_not_tell_is_unknown():
    assert hardware.governor(None).state == "unknown"


def test_bf16_is_judged_by_its_time_and_not_by_a_flag():
    """Such a CPU has the instructions, and is slower with them."""
    slow = hardware.cpu_bf16([bf16(1.3), bf16(1.1)], {"avx512_bf16", "amx_bf16"})
    assert slow.change == "Measure precision=fp32 on this CPU."
    assert "1.30 times as long in bf16 as in fp32 (95 % interval 1.25 to 1.35)" in slow.seen
    assert "has amx_bf16, avx512_bf16" in slow.seen
    unclear = hardware.cpu_bf16([bf16(1.3), bf16(0.5)], None)
    assert unclear.change == "Measure both with your model: precision=[fp32,bf16]."
    assert hardware.cpu_bf16([bf16(0.5)], None).state == "ok"


def test_a_planted_ratio_is_in_its_interval_as_often_as_that_says():
    rng = np.random.default_rng(5)
    draws = np.log(1.3) + 0.1 * rng.standard_normal((400, 41))
    draws[:, 0] += 3  # one pair of each was disturbed
    found = [precision.ratio_of("work", list(rows)) for rows in draws]
    held = sum(x.low < 1.3 < x.high for x in found) / len(found)
    assert 0.93 < held < 0.99
    assert max(x.high / x.low for x in found) < 1.2
    assert all(x.is_slower and not x.is_faster for x in found)


def test_bf16_is_timed_and_leaves_the_threads_alone():
    before = torch.get_num_threads(), torch.random.get_rng_state()
    times = precision.bf16_times()
    assert [x.work for x in times] == ["a convolution", "a matrix product"]
    assert all(0 < x.low < x.ratio < x.high for x in times)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])


def test_an_old_gpu_without_mig_is_fine():
    device = gpu()
    del device["mig"]
    assert hardware.gpus(Nvml(GPU_a=device), has_cuda=True).state == "ok"


def test_visible_differences_follow_the_noise():
    assert heard(spread_frac=0.02).visible_frac == pytest.approx(0.0124, abs=1e-4)
    assert "above about 1.2%" in settings.noise(heard(spread_frac=0.02)).seen


def test_spins_last_about_as_long_as_asked():
    times = noise.spin_times(num_spins=5, spin_s=0.002)
    assert len(times) == 5
    assert 0.0005 < statistics.median(times) < 0.02


def test_the_machine_is_looked_at_as_a_whole(monkeypatch):
    monkeypatch.setattr(doctor, "listen", lambda num_cores: QUIET)
    checks = doctor.machine_checks()
    assert len({check.name for check in checks}) == len(checks) == 11
    assert {check.state for check in checks} <= {"ok", "limited", "unknown"}


def test_the_governor_is_read_or_unknown(tmp_path):
    assert cpu_governor(tmp_path) is None
    folder = tmp_path / "cpu0" / "cpufreq"
    folder.mkdir(parents=True)
    (folder / "scaling_governor").write_text("schedutil\n")
    assert cpu_governor(tmp_path) == "schedutil"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
    ],
)
def test_a_containers_share_of_the_cpus(tmp_path, files, cpus):
    for name, words in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(words)
    assert cpu_quota(tmp_path) == cpus
