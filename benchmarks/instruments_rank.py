"""One rank of `benchmarks.instruments`: our loop and a bare one."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from benchmarks.common import turn_order
from benchmarks.own_path import leave_process_group, read_job, request_of
from benchmarks.player import PausableClock, Stopped
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.records import BlockRecord, PhaseRecord, Point
from ray_bench.train.group import Group
from ray_bench.train.loop import Loop
from ray_bench.train.passes import without_ddp
from ray_bench.train.phase_pass import phase_pass
from ray_bench.train.prepare import prepare
from ray_bench.workloads import catalog
from ray_bench.workloads.base import MEMORY_FORMATS, BuildContext

OURS, BARE = "ours", "bare"

Pairs = list[tuple[float, float]]


@final
class BareLoop:
    """A training loop as short as it can be.

    Args:
        model: In DDP, or plain.
        optimizer: Of its parameters.
        loss_fn: Called with outputs and targets.
        batches: Of the workload.
        is_bf16: Whether the forward pass is autocast.
    """

    def __init__(
        self,
        model: Any,
        optimizer: torch.optim.Optimizer,
        loss_fn: Any,
        batches: Any,
        *,
        is_bf16: bool,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._loss_fn = loss_fn
        self._batches = batches
        self._is_bf16 = is_bf16
        self._stream = self._endless()

    @classmethod
    def beside(cls, loop: Loop) -> BareLoop:
        """Return one on the model of our loop: a copy at other addresses has another speed."""
        stepper = loop.stepper
        return cls(
            stepper.module,
            stepper.optimizer,
            stepper.loss_fn,
            loop.batches.batches,
            is_bf16=stepper.precision == "bf16",
        )

    @classmethod
    def on_a_copy(
        cls, job: dict[str, Any], config: SweepConfig, point: Point, rank: int
    ) -> BareLoop:
        """Return one on a model and batches of its own."""
        context = BuildContext(
            rank=rank,
            world_size=point.world_size,
            local_batch_size=point.local_batch_size,
            global_batch_size=point.global_batch_size,
            seed=point.seed,
            device=torch.device("cpu"),
            data=config.data,
            memory_format=MEMORY_FORMATS[job["memory_format"]],
        )
        module, batches, loss_fn = catalog.load(point.workload).build(context)
        optimizer = torch.optim.SGD(
            module.parameters(),
            lr=point.lr,
            momentum=config.optimizer.momentum or 0.0,
            weight_decay=config.optimizer.weight_decay or 0.0,
            fused=True,
        )
        model = DistributedDataParallel(module, **job["ddp"]) if point.is_ddp else module
        model.train()
        return cls(model, optimizer, loss_fn, batches, is_bf16=point.precision == "bf16")

    def _endless(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for epoch in itertools.count(1):
            self._batches.set_epoch(epoch)
            yield from self._batches

    def seconds(self, num_steps: int) -> float:
        """Make so many steps; return what they took."""
        begin_s = time.perf_counter()
        for inputs, targets in itertools.islice(self._stream, num_steps):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self._is_bf16):
                loss = self._loss_fn(self._model(inputs), targets)
            loss.backward()
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - begin_s


@final
class BlockRounds:
    """At the end of each of our steady blocks, makes the bare turns that come before the next."""

    def __init__(self, clock: PausableClock, order: list[tuple[str, ...]]) -> None:
        self.bare: BareLoop | None = None  # it needs our loop, which needs this
        self._clock = clock
        self._ahead = list(itertools.chain(*order))
        self._is_first = True
        self.step_s: dict[str, list[float]] = {OURS: [], BARE: []}

    def record(self, record: object) -> None:
        """Take a record of our loop."""
        if not isinstance(record, BlockRecord) or record.is_warmup:
            return
        with self._clock.paused():
            self._turns(record)

    def _turns(self, block: BlockRecord) -> None:
        assert self.bare is not None
        if self._is_first:  # no turn yet: it ended the warm-up, and the bare loop has its own
            self._is_first = False
            self.bare.seconds(block.num_steps)
        else:
            self.step_s[self._ahead.pop(0)].append(block.duration_s / block.num_steps)
        while self._ahead and self._ahead[0] == BARE:
            name = self._ahead.pop(0)
            self.step_s[name].append(self.bare.seconds(block.num_steps) / block.num_steps)
        if not self._ahead:
            raise Stopped


@final
class BareBetween:
    """A workload that makes a bare step, off the clock, before it hands out a batch."""

    def __init__(self, workload: Any, bare: BareLoop, clock: PausableClock) -> None:
        self._workload = workload
        self._bare = bare
        self._clock = clock
        self.step_s: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workload, name)

    def build(self, context: BuildContext) -> Any:
        """Return what the workload builds, the batches wrapped."""
        module, batches, loss_fn = self._workload.build(context)
        return module, _Wrapped(batches, self, context.local_batch_size), loss_fn

    def step(self, *, is_whole: bool) -> None:
        """Make a bare step; one before a smaller batch has no partner and is not kept."""
        with self._clock.paused():
            taken_s = self._bare.seconds(1)
        if is_whole:
            self.step_s.append(taken_s)


@final
class _Wrapped:
    def __init__(self, batches: Any, between: BareBetween, whole: int) -> None:
        self._batches = batches
        self._between = between
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batches, name)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._batches:
            self._between.step(is_whole=len(batch[1]) == self._whole)
            yield batch


def throughput_pairs(job: dict[str, Any], group: Group) -> Pairs:
    """Return seconds per step of (our loop, bare loop) in every round on this rank."""
    config, point = read_job(job)
    clock = PausableClock(SystemClock(group.device))
    order = turn_order((OURS, BARE), job["rounds"], job["seed"])
    rounds = BlockRounds(clock, order)
    workload = catalog.load(point.workload)
    loop, _ = prepare(request_of(config, point), workload, group, clock, rounds.record)
    rounds.bare = BareLoop.beside(loop)
    with contextlib.suppress(Stopped):
        loop.run()
    return list(zip(rounds.step_s[OURS], rounds.step_s[BARE], strict=True))


def phase_pairs(job: dict[str, Any], group: Group) -> Pairs:
    """Return seconds of (step of the phase pass, bare step next to it) on this rank."""
    config, point = read_job(job)
    clock = PausableClock(SystemClock(group.device))
    bare = BareLoop.on_a_copy(job, config, point, group.rank)
    between = BareBetween(catalog.load(point.workload), bare, clock)
    taken_s: dict[int, float] = defaultdict(float)

    def record(record: object) -> None:
        if isinstance(record, PhaseRecord):
            taken_s[record.step] += record.duration_s

    loop, _ = prepare(request_of(config, point), between, group, clock)
    phase_pass(without_ddp(loop), record)
    steps = [taken_s[step] for step in sorted(taken_s)]
    return list(zip(steps, between.step_s[-len(steps) :], strict=True))


def slowest(ranks: list[Pairs]) -> Pairs:
    """Return for every round the time of the slowest rank, arm by arm."""
    return [
        (max(ours for ours, _ in turns), max(bare for _, bare in turns))
        for turns in zip(*ranks, strict=True)
    ]


def main() -> None:
    """Measure, and let rank 0 write the answer."""
    job = json.loads(Path(sys.argv[-1]).read_text())
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    group = Group(
        rank=rank,
        world_size=dist.get_world_size(),
        local_rank=rank,
        device=torch.device("cpu"),
    )
    throughput = slowest(group.gather(throughput_pairs(job, group)))
    phases = slowest(group.gather(phase_pairs(job, group)))
    if rank == 0:
        Path(job["answer"]).write_text(json.dumps({"throughput": throughput, "phases": phases}))
    leave_process_group()


if __name__ == "__main__":
    main()
