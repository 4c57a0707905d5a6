"""What this machine can measure and what it cannot: one check a fact, each with what to change."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import psutil
import torch

from ray_bench.measure.energy import RaplMeter
from ray_bench.measure.environment import cpu_governor, gpu_driver, usable_cores
from ray_bench.measure.noise import BLOCKS, Noise, listen
from ray_bench.measure.nvml import known, load
from ray_bench.measure.topology import gpu_topology

State = Literal["ok", "limited", "unknown"]

_GIB = 2**30
_FINE_ENOUGH_FRAC = 0.01
_CALM_LOAD = 0.5
#: A worker of a small model on CPU: Python, torch and Ray.
_WORKER_BYTES = _GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact: what was seen, and what to change where it limits what can be measured."""

    name: str
    state: State
    seen: str
    change: str | None = None


def machine_checks() -> list[Check]:
    """Look at this machine; takes about three seconds."""
    nvml, num_cores = load(), usable_cores()
    return [
        cores(num_cores, os.cpu_count() or num_cores),
        noise(listen(num_cores)),
        clock_resolution(_smallest_tick_s()),
        governor(cpu_governor()),
        energy(RaplMeter().joules() is not None),
        gpus(nvml, has_cuda=torch.cuda.is_available()),
        cpu_bf16(_cpu_flags()),
        memory(psutil.virtual_memory().total, psutil.virtual_memory().available, num_cores),
        interfaces(_interfaces(), os.environ),
        niceness(os.getpriority(os.PRIO_PROCESS, 0)),
        threads(os.environ.get("OMP_NUM_THREADS")),
    ]


def cores(num_cores: int, num_logical: int) -> Check:
    """Judge how many CPU workers have a core each."""
    words = f"{num_cores} physical cores usable, {num_logical} logical"
    if num_cores < 2:
        return Check(
            name="cores",
            state="limited",
            seen=f"{words}; two CPU workers would share a core",
            change="Measure on a machine with more cores, or on GPUs; world sizes above the cores "
            "are marked oversubscribed and no claim is made.",
        )
    return Check(name="cores", state="ok", seen=f"{words}: world sizes up to {num_cores} on CPU")


def noise(heard: Noise) -> Check:
    """Judge which differences of a speedup can be seen in spite of the machine's noise."""
    visible = heard.visible_frac
    stolen = "steal time unknown" if heard.steal_frac is None else f"{heard.steal_frac:.1%} stolen"
    seen = (
        f"equal work varies by {heard.spread_frac:.1%} (CV), {stolen}, load "
        f"{heard.load_per_core:.2f} a core: differences of a speedup above about {visible:.1%} can "
        f"be seen in a run of {BLOCKS} blocks"
    )
    is_calm = (heard.steal_frac or 0) < _FINE_ENOUGH_FRAC and heard.load_per_core < _CALM_LOAD
    if visible <= _FINE_ENOUGH_FRAC and is_calm:
        return Check(name="noise", state="ok", seen=seen)
    return Check(
        name="noise",
        state="limited",
        seen=seen,
        change="Stop other programs, take dedicated cores, or average the noise out: repeats=5, "
        "interleaved=true, or stop.half_width=0.02.",
    )


def _smallest_tick_s() -> float:
    stamps = [time.perf_counter_ns() for _ in range(2000)]
    steps = [late - early for early, late in pairwise(stamps)]
    return min((step for step in steps if step > 0), default=10**9) * 1e-9


def clock_resolution(tick_s: float) -> Check:
    """Judge whether the clock is fine enough for steps of a millisecond."""
    seen = f"two readings differ by {tick_s * 1e9:,.0f} ns at least"
    if tick_s <= 1e-5:
        return Check(name="clock", state="ok", seen=seen)
    return Check(
        name="clock",
        state="limited",
        seen=seen,
        change="Use a kernel clock source such as tsc; phases of short steps are coarse here.",
    )


def governor(name: str | None) -> Check:
    """Judge how the CPU's frequency is chosen."""
    if name is None:
        return Check(
            name="frequency",
            state="unknown",
            seen="the system does not tell how it scales the CPU's frequency (usual in a virtual "
            "machine)",
        )
    if name == "performance":
        return Check(name="frequency", state="ok", seen="governor performance")
    return Check(
        name="frequency",
        state="limited",
        seen=f"governor {name}: the first steps run at another speed than the later ones",
        change="As root: cpupower frequency-set -g performance.",
    )


def energy(is_readable: bool) -> Check:
    """Judge whether the CPU's energy can be read."""
    if is_readable:
        return Check(name="CPU energy", state="ok", seen="RAPL counters can be read")
    return Check(
        name="CPU energy",
        state="limited",
        seen="no RAPL counter can be read: energy on CPU stays unknown",
        change="On bare metal, as root: chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj. "
        "Virtual machines seldom have it.",
    )


def gpus(nvml: Any | None, *, has_cuda: bool) -> Check:
    """Judge what GPUs can be used and watched."""
    count = (known(nvml, nvml.nvmlDeviceGetCount) if nvml is not None else None) or 0
    if nvml is None or not count:
        if has_cuda:
            return Check(
                name="GPUs",
                state="limited",
                seen="CUDA works but NVML does not: utilisation, clocks and energy stay unknown",
                change="Install the driver's NVML library (libnvidia-ml.so.1) in this system.",
            )
        return Check(
            name="GPUs",
            state="limited",
            seen="none: runs are on CPU with gloo",
            change="Join a cluster with GPUs: --address.",
        )
    handles = [known(nvml, nvml.nvmlDeviceGetHandleByIndex, i) for i in range(count)]
    names = sorted({str(known(nvml, nvml.nvmlDeviceGetName, handle)) for handle in handles})
    seen = f"{count} x {', '.join(names)}, driver {gpu_driver(nvml)}"
    if count > 1:
        seen += f", links {gpu_topology(nvml)}"
    if not has_cuda:
        return Check(
            name="GPUs",
            state="limited",
            seen=f"{seen}; this torch cannot use them",
            change="Install a CUDA build of torch that suits the driver.",
        )
    if any((known(nvml, nvml.nvmlDeviceGetMigMode, handle) or (0, 0))[0] for handle in handles):
        return Check(
            name="GPUs",
            state="limited",
            seen=f"{seen}; MIG is on: slices have no utilisation and no energy of their own, and "
            "their peak is unknown",
            change="Turn MIG off for scaling measurements, or read those columns as unknown.",
        )
    return Check(name="GPUs", state="ok", seen=f"{seen}: world sizes up to {count} on GPU")


def _cpu_flags() -> set[str] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.lower().startswith(("flags", "features")):
            return set(line.partition(":")[2].split())
    return None


def cpu_bf16(flags: set[str] | None) -> Check:
    """Judge whether bf16 is fast on the CPU."""
    if flags is None:
        return Check(name="bf16 on CPU", state="unknown", seen="the CPU's features are unknown")
    found = sorted(flags & {"avx512_bf16", "amx_bf16", "bf16"})
    if found:
        return Check(name="bf16 on CPU", state="ok", seen=", ".join(found))
    return Check(
        name="bf16 on CPU",
        state="limited",
        seen="the CPU has no bf16 instructions: precision=bf16 is slower than fp32 here",
        change="Measure precision=fp32 on this CPU.",
    )


def memory(total_bytes: int, available_bytes: int, num_cores: int) -> Check:
    """Judge for how many workers there is memory."""
    room = available_bytes // _WORKER_BYTES
    seen = (
        f"{available_bytes / _GIB:.1f} of {total_bytes / _GIB:.1f} GiB free: about {room} CPU "
        "workers with a small model"
    )
    if room >= num_cores:
        return Check(name="memory", state="ok", seen=seen)
    return Check(
        name="memory",
        state="limited",
        seen=seen,
        change="Stop other programs, or measure smaller world sizes: a machine that swaps "
        "measures its disk.",
    )


def _interfaces() -> list[str]:
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return sorted(
        name
        for name, addresses in psutil.net_if_addrs().items()
        if name in up
        and any(a.family is socket.AF_INET and not a.address.startswith("127.") for a in addresses)
    )


def interfaces(names: Sequence[str], environment: Mapping[str, str]) -> Check:
    """Judge whether it is sure over which network the workers talk."""
    chosen = environment.get("GLOO_SOCKET_IFNAME") or environment.get("NCCL_SOCKET_IFNAME")
    if chosen:
        return Check(name="network", state="ok", seen=f"{chosen} is chosen")
    if len(names) <= 1:
        return Check(name="network", state="ok", seen=names[0] if names else "loopback only")
    return Check(
        name="network",
        state="limited",
        seen=f"several interfaces ({', '.join(names)}) and none is chosen",
        change=f"Choose: launch.env.GLOO_SOCKET_IFNAME={names[0]} (GPUs: NCCL_SOCKET_IFNAME), and "
        "measure it with `ray-bench network`.",
    )


def niceness(nice: int) -> Check:
    """Judge the priority at which workers would run."""
    if nice <= 0:
        return Check(name="niceness", state="ok", seen=f"{nice}; workers run at 0")
    return Check(
        name="niceness",
        state="limited",
        seen=f"{nice}: other programs go first",
        change="Start from a shell without nice.",
    )


def threads(omp_num_threads: str | None) -> Check:
    """Judge how many threads a worker's CPU operations take."""
    if omp_num_threads is None:
        return Check(
            name="threads",
            state="ok",
            seen="OMP_NUM_THREADS not set: a worker takes cpus_per_worker, rounded down",
        )
    return Check(
        name="threads",
        state="limited",
        seen=f"OMP_NUM_THREADS={omp_num_threads} is set and overrules cpus_per_worker",
        change="Unset it; workers x threads above the cores are oversubscribed.",
    )


def data_sets(places: Mapping[str, str | None]) -> Check:
    """Judge which data sets are here.

    Args:
        places: Where every data set is; None is nowhere.
    """
    found = [f"{name} ({place})" for name, place in places.items() if place is not None]
    missing = [name for name, place in places.items() if place is None]
    seen = f"found {', '.join(found) or 'none'}"
    if not missing:
        return Check(name="data sets", state="ok", seen=seen)
    return Check(
        name="data sets",
        state="limited",
        seen=f"{seen}; missing {', '.join(missing)}",
        change="Give data.dir, or data.download=true, or data.standin=true where a stand-in is "
        "good enough.",
    )
