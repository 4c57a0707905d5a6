"""One run on one rank, from the workload's name to the records that all ranks agree on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ray_bench.measure.clock import Clock
from ray_bench.measure.energy import rank_meter
from ray_bench.measure.environment import host_facts
from ray_bench.measure.memory import peak_memory_bytes
from ray_bench.measure.utilization import watch_gpu
from ray_bench.records import (
    BlockRecord,
    BucketRecord,
    EpochRecord,
    PhaseRecord,
    RunData,
    SyncPairRecord,
)
from ray_bench.train.group import Group
from ray_bench.train.live import LiveRank
from ray_bench.train.merge import RankReport, merge, run_facts
from ray_bench.train.passes import extra_passes
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

    Raises:
        TrainingError: NaN loss, no data, or ranks that disagree on the number of steps.
    """
    live = live or LiveRank()
    live.begin(request)
    loop, keep = prepare(request, workload, group, clock, record, live)
    setup_s = (datetime.now(UTC) - request.started_at_utc).total_seconds() - (loop.compile_s or 0.0)
    meter = rank_meter(group.device, is_node_leader=group.local_rank == 0)
    keep.meter = meter
    with watch_gpu(group.device) as watch, explained(loop.module):
        flags = loop.run()
    energy_j = meter.joules() if meter else None
    peak_bytes = peak_memory_bytes(group.device)
    live.phase = "passes"
    with explained(loop.module):
        extra = extra_passes(loop, keep)
    mine = RankReport(
        blocks=keep.of(BlockRecord),
        epochs=keep.of(EpochRecord),
        phases=keep.of(PhaseRecord),
        buckets=keep.of(BucketRecord),
        sync_pairs=keep.of(SyncPairRecord),
        extra=extra,
        flags=flags,
        host=host_facts(group.device, node_id=group.node_id, node_address=group.node_address),
        peak_memory_bytes=peak_bytes,
        reads_energy=meter is not None,
        energy_j=energy_j,
        gpu=watch.use,
        setup_s=setup_s,
    )
    data = merge(request, run_facts(loop), group.gather(mine))
    live.end()
    return data
