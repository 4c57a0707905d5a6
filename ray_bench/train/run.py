"""One run on one rank, from the workload's name to the records that all ranks agree on."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch

from ray_bench.measure.clock import Clock
from ray_bench.measure.energy import EnergyMeter, rank_meter
from ray_bench.measure.environment import host_facts
from ray_bench.measure.memory import peak_memory_bytes
from ray_bench.records import BlockRecord, EpochRecord, PhaseRecord, RunData
from ray_bench.train.group import Group
from ray_bench.train.loop import Loop
from ray_bench.train.merge import RankReport, RunRequest, merge, run_facts
from ray_bench.train.model import make_optimizer, wrap
from ray_bench.train.phase_pass import phase_pass
from ray_bench.train.schedule import make_schedule
from ray_bench.train.shares import steps_per_epoch
from ray_bench.train.step import Stepper
from ray_bench.workloads.base import BuildContext, check_built

AnyRecord = BlockRecord | EpochRecord | PhaseRecord


def train_rank(
    request: RunRequest,
    workload: Any,
    group: Group,
    clock: Clock,
    record: Callable[[AnyRecord], None] = lambda _: None,
) -> RunData:
    """Train one run on this rank and return what all ranks measured together.

    Args:
        request: The run.
        workload: An object of the workload protocol.
        group: This rank's place. A default process group exists when the world size is above 1
            or the point asks for DDP.
        clock: Where every duration comes from.
        record: Called with each record of this rank as soon as it exists.

    Raises:
        TrainingError: NaN loss, no data, or ranks that disagree on the number of steps.
    """
    loop, keep = _prepare(request, workload, group, clock, record)
    setup_s = (datetime.now(UTC) - request.started_at_utc).total_seconds()
    meter = rank_meter(group.device, is_node_leader=group.local_rank == 0)
    keep.meter = meter
    loop.run()
    energy_j = meter.joules() if meter else None
    peak_bytes = peak_memory_bytes(group.device)
    loop = _without_ddp(loop)
    gc.collect()
    phase_pass_s = phase_pass(loop, keep) if request.config.measure.phase_steps else None
    mine = RankReport(
        blocks=keep.of(BlockRecord),
        epochs=keep.of(EpochRecord),
        phases=keep.of(PhaseRecord),
        host=host_facts(group.device),
        peak_memory_bytes=peak_bytes,
        reads_energy=meter is not None,
        energy_j=energy_j,
        phase_pass_s=phase_pass_s,
        setup_s=setup_s,
    )
    return merge(request, run_facts(loop), group.gather(mine))


class _Keep:
    """Collects this rank's records and passes each on."""

    def __init__(self, record: Callable[[AnyRecord], None]) -> None:
        self.meter: EnergyMeter | None = None
        self._record = record
        self._records: list[AnyRecord] = []

    def __call__(self, record: AnyRecord) -> None:
        if self.meter is not None and isinstance(record, EpochRecord):
            self.meter.joules()  # a CPU's counter wraps; every reading undoes one wrap
        self._records.append(record)
        self._record(record)

    def of(self, kind: type[Any]) -> list[Any]:
        return [record for record in self._records if isinstance(record, kind)]


def _prepare(
    request: RunRequest,
    workload: Any,
    group: Group,
    clock: Clock,
    record: Callable[[AnyRecord], None],
) -> tuple[Loop, _Keep]:
    point, config = request.planned.point, request.config
    context = BuildContext(
        rank=group.rank,
        world_size=group.world_size,
        local_batch_size=point.local_batch_size,
        global_batch_size=point.global_batch_size,
        seed=point.seed,
        device=group.device,
        data=config.data,
        emulated=config.emulated,
        process_group=group.process_group,
    )
    torch.manual_seed(point.seed)
    module, batches, loss_fn = check_built(workload.build(context))
    module = module.to(group.device)
    per_epoch = steps_per_epoch(batches, group)
    total = config.steps or per_epoch * (config.epochs or 1)
    stepper = Stepper(
        module=wrap(module, config.ddp, group) if point.is_ddp else module,
        loss_fn=loss_fn,
        optimizer=make_optimizer(workload, module, point.base_lr, config.optimizer),
        precision=point.precision,
        device=group.device,
    )
    keep = _Keep(record)
    schedule = make_schedule(point, config, steps_per_epoch=per_epoch, total_steps=total)
    loop = Loop(
        workload=workload,
        module=module,
        batches=batches,
        stepper=stepper,
        schedule=schedule,
        context=context,
        point=point,
        config=config,
        group=group,
        clock=clock,
        record=keep,
        run_id=request.planned.run_id,
        steps_per_epoch=per_epoch,
        total_steps=total,
    )
    return loop, keep


def _without_ddp(loop: Loop) -> Loop:
    # The timed DDP must be gone before the phase pass wraps the module: its hooks sit on the same
    # parameters and would reduce them a second time.
    return replace(loop, stepper=replace(loop.stepper, module=loop.module))
