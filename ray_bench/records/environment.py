"""Where runs happened: hardware, topology and versions."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRecord:
    """Where runs happened: hardware, topology and versions. Equal environments share a hash."""

    hostnames: tuple[str, ...]
    num_nodes: int
    cpu_model: str | None
    num_cpus: int  # physical cores of the smallest host that the run may use
    memory_bytes: int
    gpu_names: tuple[str, ...]
    num_gpus: int
    gpu_driver: str | None
    kernel: str
    python_version: str
    torch_version: str
    torchvision_version: str
    ray_version: str
    nccl_version: str | None
    ray_bench_version: str
    commit: str | None  # of the working directory, where it is a git checkout
    omp_num_threads: int | None
    niceness: int
    ddp_arguments: str  # JSON
    cpu_governor: str | None = None  # of frequency scaling; None where the system does not tell
    gpu_topology: str | None = None  # JSON: the link between each pair of a host's GPUs

    @property
    def environment_hash(self) -> str:
        """SHA-256 of all fields, 16 hex digits."""
        text = repr(sorted(asdict(self).items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
