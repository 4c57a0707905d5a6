"""From a request to a loop that is ready for its first step, and a place for its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

import torch

from ray_bench.measure.clock import Clock
from ray_bench.measure.energy import EnergyMeter
from ray_bench.records import BlockRecord, EpochRecord
from ray_bench.train.group import Group
from ray_bench.train.loop import Loop
from ray_bench.train.merge import RunRequest
from ray_bench.train.model import comm_hook, make_optimizer, wrap
from ray_bench.train.passes import PassRecord
from ray_bench.train.schedule import make_schedule
from ray_bench.train.shares import steps_per_epoch
from ray_bench.train.step import Stepper
from ray_bench.workloads.base import BuildContext, check_built

AnyRecord = BlockRecord | EpochRecord | PassRecord


@final
class Keep:
    """Collects this rank's records and passes each on."""

    def __init__(self, record: Callable[[AnyRecord], None]) -> None:
        self.meter: EnergyMeter | None = None
        self._record = record
        self._records: list[AnyRecord] = []

    def __call__(self, record: AnyRecord) -> None:
        """Keep a record and pass it on."""
        if self.meter is not None and isinstance(record, EpochRecord):
            self.meter.joules()  # a CPU's counter wraps; every reading undoes one wrap
        self._records.append(record)
        self._record(record)

    def taken(self) -> list[AnyRecord]:
        """Return the records so far, and forget them."""
        records, self._records = self._records, []
        return records

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the records of one kind, in their order."""
        return [record for record in self._records if isinstance(record, kind)]


def prepare(
    request: RunRequest,
    workload: Any,
    group: Group,
    clock: Clock,
    record: Callable[[AnyRecord], None] = lambda _: None,
) -> tuple[Loop, Keep]:
    """Build what a request asks for; all ranks call it together.

    Returns:
        The loop, ready for its first step, and what its records are kept in.
    """
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
    wrapped = module
    if point.is_ddp:
        wrapped = wrap(module, config.ddp, group, comm_hook(workload, context))
    stepper = Stepper(
        module=wrapped,
        loss_fn=loss_fn,
        optimizer=make_optimizer(workload, module, point.base_lr, config.optimizer),
        precision=point.precision,
        device=group.device,
    )
    keep = Keep(record)
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


def wrapped_again(loop: Loop) -> Loop:
    """Return a loop whose DDP was ended (`passes.without_ddp`) with its module in a new one."""
    if not loop.point.is_ddp:
        return loop
    hook = comm_hook(loop.workload, loop.context)
    wrapped = wrap(loop.module, loop.config.ddp, loop.group, hook)
    return replace(loop, stepper=replace(loop.stepper, module=wrapped))
