"""Judge the hardware: cores, clock, frequency, energy counters, GPUs, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ray_bench.measure.check import Check, judged
from ray_bench.measure.environment import gpu_driver
from ray_bench.measure.nvml import known
from ray_bench.measure.precision import Bf16Time
from ray_bench.measure.topology import gpu_topology

_GIB = 2**30
#: A worker of a small model on CPU: Python, torch and Ray.
_WORKER_BYTES = _GIB


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


def clock_resolution(tick_s: float) -> Check:
    """Judge whether the clock is fine enough for steps of a millisecond."""
    return judged(
        "clock",
        f"two readings differ by {tick_s * 1e9:,.0f} ns at least",
        is_ok=tick_s <= 1e-5,
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


def cpu_bf16(times: Sequence[Bf16Time], flags: set[str] | None) -> Check:
    """Judge whether bf16 is faster than fp32 on the CPU, by what was timed.

    Args:
        times: Of bf16 against fp32.
        flags: The CPU's features; None where the system does not tell. Instructions for bf16 do not
            make it fast.
    """
    found = sorted((flags or set()) & {"avx512_bf16", "amx_bf16", "bf16"})
    words = f" (the CPU has {', '.join(found)})" if found else ""
    seen = "; ".join(
        f"{x.work} takes {x.ratio:.2f} times as long in bf16 as in fp32 (95 % interval {x.low:.2f} "
        f"to {x.high:.2f})"
        for x in times
    )
    name, seen = "bf16 on CPU", f"{seen}{words}"
    if all(x.is_faster for x in times):
        return Check(name=name, state="ok", seen=f"{seen}: precision=bf16 is faster here")
    if all(x.is_slower for x in times):
        return Check(
            name=name,
            state="limited",
            seen=f"{seen}: precision=bf16 is slower here",
            change="Measure precision=fp32 on this CPU.",
        )
    return Check(
        name=name,
        state="limited",
        seen=f"{seen}: which precision is faster depends on the model",
        change="Measure both with your model: precision=[fp32,bf16].",
    )


def memory(total_bytes: int, available_bytes: int, num_cores: int) -> Check:
    """Judge for how many workers there is memory."""
    room = available_bytes // _WORKER_BYTES
    return judged(
        "memory",
        f"{available_bytes / _GIB:.1f} of {total_bytes / _GIB:.1f} GiB free: about {room} CPU "
        "workers with a small model",
        is_ok=room >= num_cores,
        change="Stop other programs, or measure smaller world sizes: a machine that swaps "
        "measures its disk.",
    )
