"""From a request to a loop that is ready for its first step, and a place for its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, final

import torch

from ray_bench.config.lr_rules import rule_of
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.measure.clock import Clock
from ray_bench.measure.instruments import Instruments
from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord, Point, known
from ray_bench.train.accumulate import parts_of
from ray_bench.train.adascale import AdaScaleSchedule
from ray_bench.train.allocator import keep_freed_memory
from ray_bench.train.bucket_cap import bucket_cap_mb
from ray_bench.train.checkpoints import Checkpoints, Vault
from ray_bench.train.checks import check_module, check_smoothing, with_batch_norm
from ray_bench.train.compiling import compile_in_place, compile_s
from ray_bench.train.ema import WeightAverage
from ray_bench.train.grad_watch import GradWatch, grad_watch
from ray_bench.train.group import Group
from ray_bench.train.hope import Hope, Judge
from ray_bench.train.live import LiveRank
from ray_bench.train.loop import Loop
from ray_bench.train.model import ddp_arguments, mean_hook, sync_hook, wrap
from ray_bench.train.optimizers import make_optimizer
from ray_bench.train.own_schedule import own_schedule
from ray_bench.train.passes import PassRecord
from ray_bench.train.requests import RunRequest
from ray_bench.train.schedule import Schedule, make_schedule, samples_of
from ray_bench.train.shares import (
    Feed,
    endless,
    samples_per_epoch,
    steps_per_epoch,
    whole,
)
from ray_bench.train.step import Stepper
from ray_bench.train.tally import Explosion
from ray_bench.workloads.base import MEMORY_FORMATS, BuildContext, check_built, make_reader

#: Without a length a ladder's warm-up takes its share of so many.
_STEPS_OF_A_LADDER = 1000

AnyRecord = BlockRecord | EpochRecord | EvaluationRecord | PassRecord


@final
class Keep:
    """Collects this rank's records and passes each on."""

    def __init__(self, record: Callable[[AnyRecord], None]) -> None:
        self.instruments: Instruments | None = None
        self._record = record
        self._records: list[AnyRecord] = []

    def __call__(self, record: AnyRecord) -> None:
        """Keep a record and pass it on."""
        if self.instruments is not None and isinstance(record, EpochRecord):
            self.instruments.read_energy()
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
    live: LiveRank | None = None,
    vault: Vault | None = None,
    judge: Judge | None = None,
) -> tuple[Loop, Keep]:
    """Build what a request asks for; all ranks call it together.

    Args:
        request: The run.
        workload: An object of the workload protocol.
        group: This rank's place.
        clock: Where every duration comes from.
        record: Called with each record of this rank as soon as it exists.
        live: Told what this rank is doing.
        vault: Of the run's checkpoints; None: none are made.
        judge: Knows the other runs of the sweep; None: nobody does.

    Returns:
        The loop, ready for its first step, and what its records are kept in.
    """
    point, config = request.planned.point, request.config
    live = live or LiveRank()
    live.phase = "building"
    context = BuildContext(
        rank=group.rank,
        world_size=group.world_size,
        local_batch_size=known(point.local_batch_size),
        global_batch_size=known(point.global_batch_size),
        seed=known(point.seed),
        device=group.device,
        data=config.data,
        emulated=config.emulated,
        process_group=group.process_group,
        memory_format=MEMORY_FORMATS[point.memory_format or "contiguous"],
        evaluated=live.evaluated,
        max_eval_samples=config.evaluation.max_samples,
        label_smoothing=config.label_smoothing,
    )
    if group.device.type == "cpu":
        keep_freed_memory()
    torch.backends.cudnn.benchmark = True  # whole batches have one shape: the quickest kernels
    torch.manual_seed(known(point.seed))
    check_smoothing(workload, config)
    module, batches, loss_fn = check_built(workload.build(context))
    module = with_batch_norm(module, config, group)
    has_own_optimizer = hasattr(workload, "optimizer")
    check_module(module, point, config, group, has_own_optimizer=has_own_optimizer)
    reader, loss_fn = make_reader(workload, module, loss_fn)
    feed = Feed(batches, reader)
    module = module.to(group.device)
    if point.memory_format == "channels_last":
        module = module.to(memory_format=torch.channels_last)
    per_epoch = _steps_per_epoch(feed, config, group)
    total = live.num_steps = config.steps or per_epoch * (config.epochs or 1)
    stepper = Stepper(
        module=module,
        loss_fn=loss_fn,
        reader=reader,
        optimizer=make_optimizer(workload, module, point, config),
        precision=known(point.precision),
        device=group.device,
        compile=point.compile,
        whole_batch=_whole_part(feed, group, point) if _depends_on_shape(point, group) else None,
        num_parts=point.num_micro_batches,
        clip_grad_norm=point.clip_grad_norm,
        watch=_watch(point, config, group),
    )
    cap_mb = bucket_cap_mb(point, stepper, feed, group, clock) if point.is_ddp else None
    if point.compile not in (None, "none"):
        live.phase = "compiling"
    compile_in_place(module, point.compile)
    arguments: dict[str, Any] = {}
    if cap_mb is not None:
        arguments = ddp_arguments(config.ddp, cap_mb)
        hook = sync_hook(workload, context, group, point.compression)
        if stepper.watch is not None:
            hook = stepper.watch.watching(hook or mean_hook(group))
        stepper = replace(stepper, module=wrap(module, arguments, group, hook))
    keep = Keep(record)
    context = replace(context, num_steps=total, steps_per_epoch=per_epoch)
    schedule = own_schedule(workload, stepper.optimizer, context, point, config) or _schedule(
        stepper, feed, context, point, config
    )
    half_life = config.optimizer.ema_half_life_samples
    samples = samples_of(
        point, steps_per_epoch=per_epoch, samples_per_epoch=samples_per_epoch(feed)
    )
    loop = Loop(
        workload=workload,
        module=module,
        batches=feed,
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
        bucket_cap_mb=cap_mb,
        ddp_arguments=arguments,
        compile_s=compile_s(stepper, module, feed, group, clock),
        checkpoints=None if vault is None else Checkpoints(vault, group, request.attempt),
        kept_records=lambda: [
            *keep.of(BlockRecord),
            *keep.of(EpochRecord),
            *keep.of(EvaluationRecord),
        ],
        samples=samples,
        explosion=Explosion(config.stop.diverged_factor),
        hope=Hope(config.stop, group, samples.per_epoch, judge),
        average=None if half_life is None else WeightAverage(module, half_life),
        live=live,
    )
    return loop, keep


def wrapped_again(loop: Loop) -> Loop:
    """Return a loop whose DDP was ended (`passes.without_ddp`) with its module in a new one."""
    if not loop.point.is_ddp:
        return loop
    wrapped = wrap(loop.module, loop.ddp_arguments, loop.group, loop.sync_hook())
    return replace(loop, stepper=replace(loop.stepper, module=wrapped))


def _watch(point: Point, config: SweepConfig, group: Group) -> GradWatch | None:
    is_needed = rule_of(known(point.lr_rule)).is_adaptive
    if not is_needed and not config.measure.noise_curve:
        return None
    return grad_watch(group, point, is_needed=is_needed)


def _schedule(
    stepper: Stepper, feed: Feed, context: BuildContext, point: Point, config: SweepConfig
) -> Schedule:
    assert context.steps_per_epoch is not None, "the length is known before the schedule is made"
    assert context.num_steps is not None, "the length is known before the schedule is made"
    is_adaptive = rule_of(known(point.lr_rule)).is_adaptive and stepper.watch is not None
    schedule = make_schedule(
        replace(point, lr=point.base_lr) if is_adaptive else point,
        config,
        steps_per_epoch=context.steps_per_epoch,
        total_steps=context.num_steps,
        samples_per_epoch=samples_per_epoch(feed),
    )
    if not is_adaptive:
        return schedule
    assert stepper.watch is not None, "an adaptive rule has one"
    return AdaScaleSchedule(schedule, stepper.watch, max(1.0, config.growth(point.world_size)))


def _depends_on_shape(point: Point, group: Group) -> bool:
    """Tell whether a shape is compiled, or cuDNN's kernels are searched for it."""
    return point.compile not in (None, "none") or group.device.type == "cuda"


def _steps_per_epoch(feed: Feed, config: SweepConfig, group: Group) -> int:
    """Return the steps of an epoch; without a length those that the run asks for.

    Raises:
        TrainingError: Neither tells.
    """
    count = steps_per_epoch(feed, group)
    if count is not None:
        return count
    if config.optimizer.warmup_epochs is not None:
        raise TrainingError(
            "The workload's batches have no length, so `optimizer.warmup_epochs` says nothing; "
            "leave it out, or give the batches `__len__`."
        )
    if config.steps is None and not config.interleaved:
        raise TrainingError(
            "The workload's batches have no length, so nobody knows where an epoch ends; set "
            "`steps`, or give them `__len__`."
        )
    return config.steps or _STEPS_OF_A_LADDER


def _whole_part(feed: Feed, group: Group, point: Point) -> int:
    """Return the samples of a part of this rank's share of a whole batch, as the batches count."""
    share = next(whole(endless(feed, group)))
    return parts_of(share, point.num_micro_batches, feed.reader)[-1].num_samples
