"""What is written of a job before its first timed step, beside what its script trains with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from ray_bench.config.secrets import masked_arguments
from ray_bench.measure.commit import git_commit
from ray_bench.measure.environment import environment_record, host_facts
from ray_bench.measure.node import node_name

FORMAT_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What was asked to be run."""

    name: str  # `train.py`, or a module's name
    path: str | None
    arguments: tuple[str, ...]  # without what is secret
    sha256: str | None  # of its text


def script_of(target: str, arguments: Sequence[str], *, is_module: bool) -> Script:
    """Describe a script by the path or the module's name that it is run by."""
    path = None if is_module else Path(target).resolve()
    text = path.read_bytes() if path is not None and path.is_file() else None
    return Script(
        name=target if path is None else path.name,
        path=None if path is None else str(path),
        arguments=masked_arguments(arguments),
        sha256=None if text is None else hashlib.sha256(text).hexdigest(),
    )


def process_facts(device: torch.device) -> dict[str, Any]:
    """Return what a rank's process says of itself: host, versions, process group."""
    host = host_facts(device)
    environment = environment_record([host], ddp_arguments={}, commit=git_commit())
    return {
        "format": FORMAT_VERSION,
        "environment": asdict(environment) | {"omp_num_threads": torch.get_num_threads()},
        "node": node_name(),
        "gpu_uuid": host.gpu_uuid,
        "pid": os.getpid(),
        "backend": dist.get_backend() if dist.is_initialized() else None,
        "omp_num_threads": torch.get_num_threads(),
    }
