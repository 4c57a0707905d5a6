"""Our path in turns: the product's own rank, loop and block timer, untouched.

The timer hands out a record at the end of each block; the turn ends there. The clock stands still
until the next one, so that the timer never sees the wait.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import torch.distributed as dist

from benchmarks.player import PausableClock, Player, Stopped
from ray_bench.config.grid import expand
from ray_bench.config.load import fill_in, load
from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.memory import peak_memory_bytes
from ray_bench.records import BlockRecord, Point, RunData
from ray_bench.stats.buckets import DEFAULT_CAP_MB
from ray_bench.train.group import Group
from ray_bench.train.model import ddp_arguments
from ray_bench.train.requests import RunRequest
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog

#: More steps than any benchmark makes; the referee ends it.
ENDLESS_STEPS = 10**7
#: Nothing but the throughput pass.
ONLY_THROUGHPUT = (
    "measure.phase_steps=0",
    "measure.sync_pairs=0",
    "measure.noise_steps=0",
    "measure.checkpoint=false",
)


def config_of(
    workload: str, world_size: int, *, data_dir: Path | None, overrides: Sequence[str]
) -> SweepConfig:
    """Return the configuration of one point, on stand-in data where no folder is given.

    Weak scaling: a batch size is that of one worker.
    """
    settings = [
        f"workload={workload}",
        f"world_sizes=[{world_size}]",
        "scaling=weak",
        "ddp.at_world_size_one=true",
        "use_gpu=false",
        "data.standin=true" if data_dir is None else f"data.dir={data_dir}",
        *overrides,
    ]
    return fill_in(load(None, settings), catalog.find(workload).defaults)


def job_of(config: SweepConfig, *, is_ddp: bool) -> dict[str, Any]:
    """Return what an arm needs to know, as plain values; what plain torch code needs by name."""
    return {
        "config": config.model_dump_json(),
        "is_ddp": is_ddp,
        "workload": config.workload,
        "batch_size": config.batch_size,
        "seed": config.seeds[0],
        "lr": config.lr,
        "momentum": config.optimizer.momentum,
        "weight_decay": config.optimizer.weight_decay,
        "memory_format": (config.memory_format or ("contiguous",))[0],
        "is_bf16": config.precision == ("bf16",),
        "ddp": ddp_arguments(config.ddp, DEFAULT_CAP_MB),
        "warmup_steps": config.measure.warmup_steps,
        "warmup_s": config.measure.warmup_s,
        "max_steps": config.steps,  # None where epochs end the training
    }


def read_job(job: Mapping[str, Any]) -> tuple[SweepConfig, Point]:
    """Return configuration and point of a job; the inverse of `job_of`."""
    config = SweepConfig.model_validate_json(job["config"])
    points = [planned.point for planned in expand(config)]
    return config, next(point for point in points if point.is_ddp is bool(job["is_ddp"]))


def request_of(config: SweepConfig, point: Point) -> RunRequest:
    """Return the request that the launch would have made for a point."""
    planned = next(planned for planned in expand(config) if planned.point == point)
    return RunRequest(
        planned=planned,
        config=config,
        sweep_id="benchmark",
        attempt=1,
        started_at_utc=datetime.now(UTC),
        commit=None,
    )


def train_in_turns(job: Mapping[str, Any], group: Group, turns: OwnTurns) -> RunData | None:
    """Train one rank until `steps` or `epochs` ends it, or the referee does: then None."""
    config, point = read_job(job)
    workload = _Stamped(catalog.load(point.workload), turns.stamps)
    with contextlib.suppress(Stopped):
        return train_rank(request_of(config, point), workload, group, turns.clock, turns.record)
    return None


def leave_process_group() -> None:
    """End a rank that torchrun started, with all others.

    A process group whose threads are still at work, or that a DDP still holds, ends with SIGABRT.
    """
    gc.collect()
    dist.barrier()
    dist.destroy_process_group()


class _Stamped:
    """A workload that notes when it has been built; everything else is the workload's own."""

    def __init__(self, workload: Any, stamps: dict[str, float]) -> None:
        self._workload = workload
        self._stamps = stamps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workload, name)

    def build(self, context: Any) -> Any:
        built = self._workload.build(context)
        self._stamps["built"] = time.time()
        return built


@final
class OwnTurns:
    """Makes a turn of every steady block; with whole epochs there are no turns."""

    def __init__(
        self, job: Mapping[str, Any], group: Group, stamps: Mapping[str, float] | None = None
    ) -> None:
        self.clock = PausableClock(SystemClock(group.device))
        self.stamps = dict(stamps or {})
        self._player = Player(job["address"], group.rank)
        self._device = group.device
        self._has_turns = job["max_steps"] == ENDLESS_STEPS
        self._has_begun = self._is_ready = False

    def record(self, record: object) -> None:
        """Take a record of the timer, and wait for the next turn if it is a block's."""
        if isinstance(record, BlockRecord):
            with self.clock.paused():
                self._block(record)

    def answer(self, values: Mapping[str, Any]) -> None:
        """Tell the result of a training that came to its end."""
        self._player.answer(values)

    def _block(self, block: BlockRecord) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._player.hello(self.stamps)
        if block.is_warmup or not self._has_turns:
            return
        if self._is_ready:
            memory = peak_memory_bytes(self._device)
            self._player.done(block.num_steps, block.duration_s, memory)
        else:
            self._is_ready = True
            self._player.ready(block.num_steps)
        self._player.wait()
