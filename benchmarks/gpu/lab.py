"""What every part of the GPU benchmark works with: a device, sizes, and turns in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import Aim, Comparison, Measure, turn_order
from benchmarks.own_path import ONLY_THROUGHPUT, request_of
from ray_bench.config.grid import expand
from ray_bench.config.load import fill_in, load
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.train.group import Group
from ray_bench.train.loop import Loop
from ray_bench.train.prepare import prepare
from ray_bench.train.shares import Share, endless, whole
from ray_bench.train.tally import Tally
from ray_bench.workloads import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large everything is."""

    workloads: tuple[str, ...]  # the first is that of every part; the others as time allows
    batch: int
    ceiling_batch: int
    rounds: int
    turn_s: float
    steps: int  # of a run through Ray
    sharing: tuple[int, ...]  # workers on one device
    epochs: int  # of the training to a target
    compile: str  # what "compiled" means


FULL = Sizes(
    workloads=("resnet18-cifar10", "resnet50-cifar10"),
    batch=128,
    ceiling_batch=1024,
    rounds=8,
    turn_s=1.0,
    steps=600,
    sharing=(2, 4),
    epochs=30,
    compile="default",
)
#: Small enough for a CPU: shows that a part runs, measures nothing.
MINIATURE = Sizes(
    workloads=("cnn-digits",),
    batch=16,
    ceiling_batch=32,
    rounds=2,
    turn_s=0.02,
    steps=16,
    sharing=(2,),
    epochs=1,
    compile="none",  # a C++ compiler takes minutes on a busy machine
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Where a part works."""

    device: torch.device
    sizes: Sizes
    seed: int
    data_dir: Path | None
    deadline_s: float  # of time.monotonic: a part stops by itself where it can

    @property
    def has_time(self) -> bool:
        """Whether there is time left for one thing more."""
        return time.monotonic() < self.deadline_s

    @property
    def group(self) -> Group:
        """A single rank on the device."""
        return Group(rank=0, world_size=1, local_rank=0, device=self.device)

    def config(self, workload: str, *overrides: str, world_size: int = 1) -> SweepConfig:
        """Return the configuration of one point: weak scaling, bf16."""
        data = "data.standin=true" if self.data_dir is None else f"data.dir={self.data_dir}"
        settings = [
            f"workload={workload}",
            f"world_sizes=[{world_size}]",
            "scaling=weak",
            "precision=bf16",
            f"batch_size={self.sizes.batch}",
            f"use_gpu={str(self.device.type == 'cuda').lower()}",
            data,
            *overrides,
        ]
        return fill_in(load(None, settings), catalog.find(workload).defaults)

    def loop(self, config: SweepConfig) -> Loop:
        """Return the product's own loop of a single worker, ready for its first step."""
        point = next(run.point for run in expand(config) if not run.point.is_ddp)
        workload = catalog.load(config.workload)
        clock = SystemClock(self.device)
        loop, _ = prepare(request_of(config, point), workload, self.group, clock)
        return loop

    def throughput_config(self, workload: str, *overrides: str) -> SweepConfig:
        """Return a configuration without end and without passes."""
        return self.config(workload, "steps=10000000", *ONLY_THROUGHPUT, *overrides)


@dataclass(slots=True)
class Found:
    """What a part found."""

    comparisons: list[Comparison] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def compare(
        self,
        name: str,
        by_arm: Mapping[str, Sequence[float]],
        top: str,
        bottom: str,
        unit: str,
        *,
        aim: Aim | None = None,
    ) -> None:
        """Add the ratio of two arms, round by round."""
        pairs = tuple(zip(by_arm[top], by_arm[bottom], strict=True))
        self.comparisons.append(
            Comparison(name=name, top=top, bottom=bottom, unit=unit, pairs=pairs, aim=aim)
        )

    def peak_memory(self, name: str, device: torch.device) -> None:
        """Add the largest memory that tensors took since the last reset."""
        if device.type == "cuda":
            value = torch.cuda.max_memory_allocated(device)
            self.measures.append(Measure(name=name, value=value, unit="byte"))


#: Makes so many steps.
Arm = Callable[[int], None]

WARMUP_STEPS = 12


def turns(
    lab: Lab, arms: Mapping[str, Arm], *, turn_s: float | None = None
) -> dict[str, list[float]]:
    """Let arms take turns of about `turn_s`; return the seconds a step of every round.

    Ends early, after a whole round, when the part's time is over.
    """
    wanted_s = lab.sizes.turn_s if turn_s is None else turn_s
    steps: dict[str, int] = {}
    for name, arm in arms.items():
        arm(WARMUP_STEPS)
        step_s = _seconds(lab, arm, 3) / 3
        steps[name] = max(1, round(wanted_s / step_s))
    found: dict[str, list[float]] = {name: [] for name in arms}
    for number, order in enumerate(turn_order(list(arms), lab.sizes.rounds, lab.seed)):
        if number > 1 and not lab.has_time:
            break
        for name in order:
            found[name].append(_seconds(lab, arms[name], steps[name]) / steps[name])
    return found


def _seconds(lab: Lab, arm: Arm, num_steps: int) -> float:
    clock = SystemClock(lab.device)
    clock.synchronize()
    begin_ns = clock.now_ns()
    arm(num_steps)
    clock.synchronize()
    return (clock.now_ns() - begin_ns) * 1e-9


def rates(step_s: Sequence[float], batch: int) -> list[float]:
    """Return images/s."""
    return [batch / seconds for seconds in step_s]


def our_arm(loop: Loop) -> Arm:
    """Return the product's steps, loader and tally included, without the block timer."""
    stream = whole(endless(loop.batches, loop.group))
    tally = Tally(loop.group.device)
    loop.module.train()

    def arm(num_steps: int) -> None:
        for _ in range(num_steps):
            share: Share = next(stream)
            tally.add(*loop.stepper.step(share), share.num_samples)

    return arm


def plain_values(found: Found) -> dict[str, Any]:
    """Return what a part found as JSON can hold it."""
    from dataclasses import asdict

    return asdict(found)
