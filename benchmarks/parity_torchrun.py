"""The arm of torchrun in `benchmarks.parity`: the function that Ray's workers run, or a bare loop.

The bare loop is as the tutorials write it: model and batches are those of the workload; DDP,
optimizer and loop are plain torch.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from benchmarks.own_path import OwnTurns, leave_process_group, train_in_turns
from benchmarks.player import Stopped
from benchmarks.step_turns import StepTurns
from ray_bench.config.schema import SweepConfig
from ray_bench.train.allocator import keep_freed_memory
from ray_bench.train.group import Group
from ray_bench.workloads import catalog
from ray_bench.workloads.base import MEMORY_FORMATS, BuildContext


def train_bare(job: dict[str, Any], turns: StepTurns) -> None:
    """Train until there are no more turns."""
    if job["keeps_memory"]:
        keep_freed_memory()
    rank, world_size = dist.get_rank(), dist.get_world_size()
    context = BuildContext(
        rank=rank,
        world_size=world_size,
        local_batch_size=job["batch_size"],
        global_batch_size=job["batch_size"] * world_size,
        seed=job["seed"],
        device=torch.device("cpu"),
        data=SweepConfig.model_validate_json(job["config"]).data,
        memory_format=MEMORY_FORMATS[job["memory_format"]],
    )
    torch.manual_seed(context.seed)
    module, batches, loss_fn = catalog.load(job["workload"]).build(context)
    turns.stamps["built"] = time.time()
    model = DistributedDataParallel(module, **job["ddp"])
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=job["lr"],
        momentum=job["momentum"],
        weight_decay=job["weight_decay"],
        fused=True,
    )

    model.train()
    for epoch in itertools.count(1):
        batches.set_epoch(epoch)
        for inputs, targets in batches:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=job["is_bf16"]):
                loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            turns.step_done()


def main() -> None:
    """Join the process group that torchrun describes, and train."""
    imported_s = time.time()
    job = json.loads(Path(sys.argv[-1]).read_text())
    dist.init_process_group("gloo")
    stamps = {"imported": imported_s, "process_group": time.time()}
    if job["is_bare"]:
        with contextlib.suppress(Stopped):
            train_bare(job, StepTurns(job, dist.get_rank(), stamps))
    else:
        group = Group(
            rank=dist.get_rank(),
            world_size=dist.get_world_size(),
            local_rank=int(os.environ["LOCAL_RANK"]),
            device=torch.device("cpu"),
        )
        train_in_turns(job, group, OwnTurns(job, group, stamps))
    leave_process_group()


if __name__ == "__main__":
    main()
