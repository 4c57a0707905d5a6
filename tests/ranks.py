"""Real processes with a gloo process group, for tests of what ranks do together."""

from __future__ import annotations

import multiprocessing as mp
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # DDP imports it: once here, not in every forked rank
import torch.distributed as dist

from ray_bench.train.group import Group


def _entry(
    rank: int, world_size: int, store: str, job: Callable[[Group], Any], results: Any
) -> None:
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world_size)
    try:
        group = Group(rank=rank, world_size=world_size, local_rank=rank, device=torch.device("cpu"))
        results.put((rank, job(group), None))
    except BaseException as err:  # noqa: BLE001  # all of it goes to the parent
        results.put((rank, None, f"{type(err).__name__}: {err}\n{traceback.format_exc()}"))
    finally:
        dist.destroy_process_group()


class RankError(Exception):
    """A rank raised; the message holds its traceback."""


def run_ranks(job: Callable[[Group], Any], world_size: int, tmp_path: Path) -> list[Any]:
    """Run `job(group)` in `world_size` forked processes; return the results in rank order."""
    context = mp.get_context("fork")
    results = context.Queue()
    store = str(tmp_path / f"store-{world_size}-{os.urandom(4).hex()}")
    processes = [
        context.Process(target=_entry, args=(rank, world_size, store, job, results))
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    for _, _, error in answers:
        if error:
            raise RankError(error)
    return [value for _, value, _ in sorted(answers, key=lambda answer: answer[0])]
