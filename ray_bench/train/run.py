"""One run on one rank, from the workload's name to the records that all ranks agree on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ray_bench.measure.clock import Clock
from ray_bench.measure.environment import host_facts
from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    EpochRecord,
    EvaluationRecord,
    FailureRecord,
    PhaseRecord,
    RunData,
    SyncPairRecord,
)
from ray_bench.train.checkpoints import Vault
from ray_bench.train.group import Group
from ray_bench.train.hope import Judge
from ray_bench.train.live import LiveRank
from ray_bench.train.merge import RankReport, merge, run_facts
from ray_bench.train.passes import NOT_MEASURED, ExtraMeasurements, extra_passes
from ray_bench.train.prepare import AnyRecord, prepare
from ray_bench.train.requests import RunRequest
from ray_bench.train.unused import explained


def train_rank(
    request: RunRequest,
    workload: Any,
    group: Group,
    clock: Clock,
    record: Callable[[AnyRecord], None] = lambda _: None,
    live: LiveRank | None = None,
    timed: Callable[[RunData], None] = lambda _: None,
    vault: Vault | None = None,
    judge: Judge | None = None,
) -> RunData:
    """Train one run on this rank and return what all ranks measured together.

    Args:
        request: The run.
        workload: An object of the workload protocol.
        group: This rank's place. A default process group exists when the world size is above 1
            or the point asks for DDP.
        clock: Where every duration comes from.
        record: Called with each record of this rank as soon as it exists.
        live: Told what this rank is doing.
        timed: Called before the passes with the run as it is without them, on every rank: whatever
            a pass does to the workers, the timed training is not lost.
        vault: Of the run's checkpoints; None: none are made.
        judge: Knows the other runs of the sweep; None: nobody does.

    Raises:
        TrainingError: NaN loss, no data, or ranks that disagree on the number of steps.
    """
    live = live or LiveRank()
    live.begin(request)
    loop, keep = prepare(request, workload, group, clock, record, live, vault, judge)
    setup_s = (datetime.now(UTC) - request.started_at_utc).total_seconds() - (loop.compile_s or 0.0)
    instruments = keep.instruments = loop.instruments()
    with instruments, explained(loop.module):
        flags = loop.run()
    live.phase = "passes"
    host = host_facts(group.device, node_id=group.node_id, node_address=group.node_address)
    facts = run_facts(loop)

    def merged(extra: ExtraMeasurements) -> RunData:
        mine = RankReport(
            blocks=keep.of(BlockRecord),
            epochs=keep.of(EpochRecord),
            phases=keep.of(PhaseRecord),
            buckets=keep.of(BucketRecord),
            sync_pairs=keep.of(SyncPairRecord),
            evaluations=keep.of(EvaluationRecord),
            failures=keep.of(FailureRecord),
            extra=extra,
            flags=flags,
            host=host,
            peak_memory_bytes=instruments.peak_memory_bytes,
            reads_energy=instruments.reads_energy,
            energy_j=instruments.energy_j,
            gpu=instruments.gpu,
            setup_s=setup_s,
        )
        return merge(request, facts, group.gather(mine))

    timed(merged(replace(NOT_MEASURED, compile_s=loop.compile_s)))
    with explained(loop.module):
        extra = extra_passes(loop, keep)
    data = merged(extra)
    live.end()
    return data
