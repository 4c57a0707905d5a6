"""The function that Ray Train runs in every worker."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from ray import train
from ray.train.torch import get_device
from torch._C._distributed_c10d import HashStore

from ray_bench.measure.clock import SystemClock
from ray_bench.records import RunData
from ray_bench.train.group import Group
from ray_bench.train.merge import RunRequest
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRequest:
    """A run, and where the user's own modules are imported from."""

    run: RunRequest
    import_path: str


def train_worker(loop_config: dict[str, Any]) -> RunData | None:
    """Train this worker's rank; rank 0 returns what all ranks measured.

    Ray hands back the return value of rank 0 alone, so the ranks have gathered before.
    """
    request: WorkerRequest = loop_config["request"]
    import_from(request.import_path)
    group = rank_group()
    workload = catalog.load(request.run.planned.point.workload)
    with process_group(needed=request.run.planned.point.is_ddp):
        data = train_rank(request.run, workload, group, SystemClock(group.device))
    return data if group.rank == 0 else None


def import_from(path: str) -> None:
    """Let this worker import the user's own modules."""
    if path not in sys.path:
        sys.path.append(path)


def rank_group() -> Group:
    """Return this worker's place among all workers."""
    context = train.get_context()
    return Group(
        rank=context.get_world_rank(),
        world_size=context.get_world_size(),
        local_rank=context.get_local_rank(),
        device=get_device(),
    )


@contextlib.contextmanager
def process_group(*, needed: bool) -> Iterator[None]:
    """Give DDP a process group of one where Ray's local mode (`num_workers=0`) has made none."""
    if not needed or dist.is_initialized():
        yield
        return
    dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()
