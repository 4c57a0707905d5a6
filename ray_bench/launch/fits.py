"""Whether a cluster can give what a sweep needs, before anything is asked of it."""

from __future__ import annotations

import os
from pathlib import Path

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.cluster import Capacity, choose_gpu, connected

#: There where NVIDIA's driver is loaded; without it NVML, and torch with it, need not be imported.
_DRIVER = Path("/proc/driver/nvidia")


def fits(config: SweepConfig, address: str | None) -> str:
    """Return in words that the cluster at `address`, or this machine, can make the sweep.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest run its workers.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        with connected(address, tuned=False) as have:
            return _words(f"The cluster at {address}", config, have)
    return _words("This machine", config, _this_machine())


def _words(who: str, config: SweepConfig, have: Capacity) -> str:
    on_gpus = choose_gpu(config, have)
    gpus = f" and {have.gpus:g} GPUs" if have.gpus else ""
    kind = "GPUs" if on_gpus else "CPUs"
    return f"{who} has {have.cpus:g} CPUs{gpus}: the sweep fits, on {kind}."


def _this_machine() -> Capacity:
    return Capacity(cpus=float(os.cpu_count() or 1), gpus=float(_num_gpus()))


def _num_gpus() -> int:
    if not _DRIVER.exists():
        return 0
    from ray_bench.measure import nvml  # imports torch

    library = nvml.load()
    return library.nvmlDeviceGetCount() if library is not None else 0
