"""What this machine can measure and what it cannot: one check a fact, each with what to change."""

from __future__ import annotations

import os
import socket
import time
from itertools import pairwise
from pathlib import Path

import psutil
import torch

from ray_bench.measure import doctor_hardware as hardware
from ray_bench.measure import doctor_settings as settings
from ray_bench.measure.check import Check
from ray_bench.measure.energy import RaplMeter
from ray_bench.measure.environment import cpu_governor, usable_cores
from ray_bench.measure.noise import listen
from ray_bench.measure.nvml import load
from ray_bench.measure.precision import bf16_times


def machine_checks() -> list[Check]:
    """Look at this machine; takes about four seconds."""
    nvml, num_cores = load(), usable_cores()
    return [
        hardware.cores(num_cores, os.cpu_count() or num_cores),
        settings.noise(listen(num_cores)),
        hardware.clock_resolution(_smallest_tick_s()),
        hardware.governor(cpu_governor()),
        hardware.energy(RaplMeter().joules() is not None),
        hardware.gpus(nvml, has_cuda=torch.cuda.is_available()),
        hardware.cpu_bf16(bf16_times(), _cpu_flags()),
        hardware.memory(
            psutil.virtual_memory().total, psutil.virtual_memory().available, num_cores
        ),
        settings.interfaces(_interfaces(), os.environ),
        settings.niceness(os.getpriority(os.PRIO_PROCESS, 0)),
        settings.threads(os.environ.get("OMP_NUM_THREADS")),
    ]


def _smallest_tick_s() -> float:
    stamps = [time.perf_counter_ns() for _ in range(2000)]
    steps = [late - early for early, late in pairwise(stamps)]
    return min((step for step in steps if step > 0), default=10**9) * 1e-9


def _cpu_flags() -> set[str] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.lower().startswith(("flags", "features")):
            return set(line.partition(":")[2].split())
    return None


def _interfaces() -> list[str]:
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return sorted(
        name
        for name, addresses in psutil.net_if_addrs().items()
        if name in up
        and any(a.family is socket.AF_INET and not a.address.startswith("127.") for a in addresses)
    )
