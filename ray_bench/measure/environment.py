"""Where a run happens: hardware, topology and versions, read in the worker itself."""

from __future__ import annotations

import json
import os
import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

import ray_bench
from ray_bench.measure.nvml import known, load, torch_uuid
from ray_bench.measure.topology import gpu_topology
from ray_bench.records import EnvironmentRecord

CPU_ROOT = Path("/sys/devices/system/cpu")
CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What one rank sees of its host."""

    hostname: str
    cpu_model: str | None
    num_cpus: int
    memory_bytes: int
    gpu_name: str | None
    gpu_uuid: str | None
    gpu_driver: str | None
    kernel: str
    omp_num_threads: int | None
    niceness: int
    cpu_governor: str | None = None
    gpu_topology: str | None = None
    node_id: str | None = None  # as the launcher has it; None without one
    node_address: str | None = None

    @property
    def node(self) -> str:
        """What tells this host from the others of a run; names repeat where machines are cloned."""
        return self.node_id or self.hostname


def host_facts(
    device: torch.device, *, node_id: str | None = None, node_address: str | None = None
) -> HostFacts:
    """Return what this rank sees of its host, and what its launcher calls that."""
    is_cuda = device.type == "cuda"
    nvml = load() if is_cuda else None
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return HostFacts(
        hostname=socket.gethostname(),
        cpu_model=_cpu_model(),
        num_cpus=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        gpu_name=torch.cuda.get_device_name(device) if is_cuda else None,
        gpu_uuid=torch_uuid(device) if is_cuda else None,
        gpu_driver=gpu_driver(nvml),
        kernel=platform.release(),
        omp_num_threads=int(threads) if threads.isdigit() else None,
        niceness=os.getpriority(os.PRIO_PROCESS, 0),
        cpu_governor=cpu_governor(),
        gpu_topology=gpu_topology(nvml),
        node_id=node_id,
        node_address=node_address,
    )


def usable_cores() -> int:
    """Return the physical cores that this process may use: two hyper-threads are one core.

    A container's share of processor time counts as so many cores, rounded down.
    """
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    quota = cpu_quota()
    return max(1, min(physical, allowed, physical if quota is None else int(quota)))


def cpu_quota(root: Path = CGROUP_ROOT) -> float | None:
    """Return how many CPUs' time this container may use (cgroup 2 or 1); None without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return None
    try:
        cpus = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # `max` is no limit
        return None
    return cpus if cpus > 0 else None  # so is -1


def _cpu_model() -> str | None:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or None
    for line in cpuinfo.read_text().splitlines():
        if line.lower().startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine() or None


def cpu_governor(root: Path = CPU_ROOT) -> str | None:
    """Return how the system scales the CPU's frequency; None where it does not tell."""
    try:
        return (root / "cpu0/cpufreq/scaling_governor").read_text().strip() or None
    except OSError:
        return None


def gpu_driver(nvml: Any | None) -> str | None:
    """Return the version of the GPU driver; None without NVML."""
    if nvml is None:
        return None
    version = known(nvml, nvml.nvmlSystemGetDriverVersion)
    return None if version is None else str(version)


def _nccl_version() -> str:
    return ".".join(map(str, torch.cuda.nccl.version()))  # type: ignore[no-untyped-call]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def environment_record(
    hosts: Sequence[HostFacts], *, ddp_arguments: dict[str, Any], commit: str | None
) -> EnvironmentRecord:
    """Merge what all ranks saw into one record; `hosts` is in rank order, shape (world_size,)."""
    first = hosts[0]
    gpus = tuple(host.gpu_name for host in hosts if host.gpu_name is not None)
    return EnvironmentRecord(
        hostnames=tuple(sorted({host.hostname for host in hosts})),
        num_nodes=len({host.node for host in hosts}),
        cpu_model=first.cpu_model,
        num_cpus=min(host.num_cpus for host in hosts),
        memory_bytes=min(host.memory_bytes for host in hosts),
        gpu_names=tuple(sorted(set(gpus))),
        num_gpus=len(gpus),
        gpu_driver=first.gpu_driver,
        kernel=first.kernel,
        python_version=platform.python_version(),
        torch_version=str(torch.__version__),
        torchvision_version=_version("torchvision"),
        ray_version=_version("ray"),
        nccl_version=_nccl_version() if gpus else None,
        ray_bench_version=ray_bench.__version__,
        commit=commit,
        omp_num_threads=first.omp_num_threads,
        niceness=first.niceness,
        ddp_arguments=json.dumps(ddp_arguments, sort_keys=True),
        cpu_governor=first.cpu_governor,
        gpu_topology=first.gpu_topology,
    )
