"""Parts that train with real ranks: workers that share the device, and the time to a target."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing

from benchmarks.common import Aim, Measure
from benchmarks.gpu.lab import Found, Lab
from benchmarks.own_path import ONLY_THROUGHPUT, request_of
from ray_bench.config.grid import expand
from ray_bench.measure.clock import SystemClock
from ray_bench.records import EpochRecord
from ray_bench.train.group import Group
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog

TARGET_FRAC = 0.94


class _Reached(Exception):  # noqa: N818  # no error
    """The target was reached, or the time is over."""


def sharing(lab: Lab) -> Found:
    """Train with several workers on the one device, over gloo; no scaling can be read off it."""
    found = Found()
    workload = lab.sizes.workloads[0]
    for world_size in lab.sizes.sharing:
        if not lab.has_time:
            found.notes.append(f"sharing: {world_size} workers not measured, time was over.")
            break
        with tempfile.TemporaryDirectory(prefix="rb-") as folder:
            multiprocessing.spawn(  # type: ignore[no-untyped-call]
                _shared_rank, (world_size, lab, workload, folder), nprocs=world_size
            )
            rate, flags = torch.load(Path(folder) / "rate", weights_only=True)
        found.measures.append(
            Measure(
                name=f"{workload}: {world_size} workers SHARING one device over gloo",
                value=rate,
                unit="images/s",
            )
        )
        if lab.device.type == "cuda" and "oversubscribed" not in flags:
            raise RuntimeError("Ranks that share a GPU must be flagged `oversubscribed`.")
    found.notes.append(
        "Workers that share a device compete for it, and gloo copies gradients through the host: "
        "these numbers show that the path works, not how it scales."
    )
    return found


def _shared_rank(rank: int, world_size: int, lab: Lab, workload: str, folder: str) -> None:
    if lab.device.type == "cuda":
        torch.cuda.set_device(lab.device)
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=world_size)
    try:
        steps = max(16, lab.sizes.steps // 4)
        config = lab.config(workload, f"steps={steps}", *ONLY_THROUGHPUT, world_size=world_size)
        point = next(run.point for run in expand(config))
        group = Group(rank=rank, world_size=world_size, local_rank=rank, device=lab.device)
        clock = SystemClock(lab.device)
        data = train_rank(request_of(config, point), catalog.load(workload), group, clock)
        if rank == 0:
            torch.save((data.run.throughput_samples_per_s, list(data.run.flags)), f"{folder}/rate")
    finally:
        dist.destroy_process_group()


def target(lab: Lab) -> Found:
    """Train ResNet-18 on CIFAR-10 until 94 % of the test images are right; evaluation counts."""
    found = Found()
    if lab.data_dir is None:
        found.notes.append(
            "target: not measured, it needs CIFAR-10 itself; give its folder with --data-dir."
        )
        return found
    workload = lab.sizes.workloads[0]
    config = lab.config(
        workload, f"epochs={lab.sizes.epochs}", "batch_size=512", "lr=0.4", *ONLY_THROUGHPUT
    )
    epochs: list[EpochRecord] = []
    _train_until(lab, config, epochs)
    best = max((e.val_accuracy_frac or 0.0 for e in epochs), default=0.0)
    seconds = sum(e.train_s + (e.eval_s or 0.0) for e in epochs)
    reached = best >= TARGET_FRAC
    name = f"time to {TARGET_FRAC:.0%} on CIFAR-10" if reached else "time, target NOT reached"
    found.measures += [
        Measure(name=f"{workload}: {name}", value=seconds, unit="s"),
        Measure(name=f"{workload}: epochs", value=float(len(epochs)), unit=""),
        Measure(
            name=f"{workload}: best accuracy",
            value=best,
            unit="",
            aim=Aim(bound="at least", value=TARGET_FRAC),
        ),
    ]
    return found


def _train_until(lab: Lab, config: Any, epochs: list[EpochRecord]) -> None:
    def record(item: object) -> None:
        if not isinstance(item, EpochRecord):
            return
        epochs.append(item)
        if (item.val_accuracy_frac or 0.0) >= TARGET_FRAC or not lab.has_time:
            raise _Reached

    point = next(run.point for run in expand(config))
    clock = SystemClock(lab.device)
    with contextlib.suppress(_Reached):
        train_rank(
            request_of(config, point), catalog.load(config.workload), lab.group, clock, record
        )
