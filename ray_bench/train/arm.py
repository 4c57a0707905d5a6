"""One world size of a ladder on one rank: prepared and warmed up once, then turn after turn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.clock import Clock
from ray_bench.measure.environment import HostFacts, host_facts
from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    FailureRecord,
    PhaseRecord,
    RunData,
    SyncPairRecord,
)
from ray_bench.train.group import Group
from ray_bench.train.live import LiveRank
from ray_bench.train.loop import Loop
from ray_bench.train.merge import RankReport, RunFacts, last_lrs, merge, run_facts
from ray_bench.train.passes import NOT_MEASURED, ExtraMeasurements, extra_passes
from ray_bench.train.prepare import AnyRecord, Keep, prepare, wrapped_again
from ray_bench.train.requests import RunRequest
from ray_bench.train.shares import Share, endless, whole
from ray_bench.train.unused import explained

#: What a turn is too short for, or what has no meaning in it.
_FLAGS_OF_WHOLE_RUNS = frozenset({"few_blocks", "steps_cut"})
#: After the others' turns the caches are cold.
_UNTIMED_STEPS = 1
#: The first compiles and allocates; a typical one needs a few more.
_LEAST_STEPS = 3


@dataclass(slots=True, kw_only=True)
class Arm:
    """A world size with its model, in the middle of its data."""

    loop: Loop
    keep: Keep
    timer: BlockTimer
    stream: Iterator[Share]
    facts: RunFacts
    host: HostFacts
    turn_steps: int
    extra: ExtraMeasurements
    first_records: list[Any] = field(default_factory=list)  # of the passes, for the first turn
    steps_done: int = 0

    def turn(self, request: RunRequest, ladder_id: str) -> RunData:
        """Make one turn and return it as a run; all ranks of this world size call it together."""
        loop, began = self.loop, datetime.now(UTC)
        loop.live.begin(request)
        loop.live.num_steps = self.turn_steps
        for _ in range(_UNTIMED_STEPS):
            loop.stepper.step(next(self.stream))
        with loop.instruments() as instruments:
            epoch = loop.train_steps(
                self.timer,
                self.stream,
                epoch=request.planned.repeat + 1,
                first_step=self.steps_done,
                num_steps=self.turn_steps,
            )
        self.steps_done += self.turn_steps
        run_id = request.planned.run_id
        records = [*self.first_records, *self.keep.taken()]
        records = [replace(record, run_id=run_id) for record in records]
        mine = RankReport(
            blocks=_of(BlockRecord, records),
            epochs=[replace(epoch, run_id=run_id)],
            phases=_of(PhaseRecord, records),
            buckets=_of(BucketRecord, records),
            sync_pairs=_of(SyncPairRecord, records),
            evaluations=[],  # a ladder makes none
            failures=_of(FailureRecord, records),
            extra=self.extra,
            flags=("warmup_unsettled",) if self.timer.is_unsettled else (),
            host=self.host,
            peak_memory_bytes=instruments.peak_memory_bytes,
            reads_energy=instruments.reads_energy,
            energy_j=instruments.energy_j,
            gpu=instruments.gpu,
            setup_s=0.0,
        )
        self.first_records, self.extra = [], NOT_MEASURED
        facts = replace(self.facts, last_lrs=last_lrs(loop))
        data = merge(request, facts, loop.group.gather(mine))
        loop.live.end()
        return replace(
            data,
            run=replace(
                data.run,
                ladder_id=ladder_id,
                wall_s=(datetime.now(UTC) - began).total_seconds(),
                flags=tuple(flag for flag in data.run.flags if flag not in _FLAGS_OF_WHOLE_RUNS),
                # One process holds all world sizes, and it was started for all of them.
                peak_memory_bytes=None,
                setup_s=None,
            ),
        )


def make_arm(
    request: RunRequest,
    workload: Any,
    group: Group,
    clock: Clock,
    record: Callable[[AnyRecord], None] = lambda _: None,
    live: LiveRank | None = None,
) -> Arm:
    """Build a world size, warm it up, and make the passes that `measure` asks for.

    All ranks of this world size call it together; the arguments are those of `prepare`.
    """
    loop, keep = prepare(request, workload, group, clock, record, live)
    timer = loop.block_timer()
    with explained(loop.module):
        step_s = group.max(_warm_up(loop, timer))
        keep.taken()
        loop.live.phase = "passes"
        extra = extra_passes(loop, keep)
    loop = wrapped_again(loop)
    turn_steps = max(1, math.ceil(request.config.ladder.turn_s / step_s))
    return Arm(
        loop=loop,
        keep=keep,
        timer=timer,
        stream=whole(endless(loop.batches, group)),
        facts=replace(run_facts(loop), total_steps=turn_steps),
        host=host_facts(group.device, node_id=group.node_id, node_address=group.node_address),
        turn_steps=turn_steps,
        extra=extra,
        first_records=keep.taken(),
    )


def _warm_up(loop: Loop, timer: BlockTimer) -> float:
    """Make steps until warm-up is over; return the seconds of a typical one."""
    stream, clock = whole(endless(loop.batches, loop.group)), loop.clock
    durations_s: list[float] = []
    timer.start_epoch(0)
    loop.live.phase, loop.live.num_steps = "warm-up", None
    while timer.is_warmup or len(durations_s) < _LEAST_STEPS:
        begin_ns = clock.now_ns()
        share = next(stream)
        loop.stepper.step(share)
        clock.synchronize()
        durations_s.append((clock.now_ns() - begin_ns) * 1e-9)
        timer.step_done(share.num_samples, share.num_tokens)
    return statistics.median(durations_s[len(durations_s) // 2 :])


def _of(kind: type[Any], records: list[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]
