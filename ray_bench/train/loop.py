"""The timed training loop of one rank: epochs of steps in blocks, evaluation between them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import torch

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.clock import Clock
from ray_bench.measure.instruments import Instruments
from ray_bench.measure.phases import Hook
from ray_bench.records import (
    BlockRecord,
    EpochRecord,
    EvaluationRecord,
    FailureRecord,
    Point,
    Precision,
    known,
)
from ray_bench.train.batch_tally import BatchTally
from ray_bench.train.checkpoints import Checkpoints, Place
from ray_bench.train.ema import WeightAverage
from ray_bench.train.evaluation import evaluate
from ray_bench.train.evaluations import Spent, accuracy_of, is_due
from ray_bench.train.extras import cause_of, failure_record
from ray_bench.train.group import Group
from ray_bench.train.hope import Hope
from ray_bench.train.live import LiveRank
from ray_bench.train.model import eagerly, sync_hook
from ray_bench.train.pulse import PULSE
from ray_bench.train.resuming import resume, save
from ray_bench.train.schedule import Samples, Schedule
from ray_bench.train.shares import Feed, Share, shares
from ray_bench.train.step import Stepper, unsearched
from ray_bench.train.tally import Explosion, Tally
from ray_bench.workloads.base import BuildContext, Evaluation

Record = Callable[[BlockRecord | EpochRecord | EvaluationRecord | FailureRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What is the same in every epoch of a run."""

    workload: Any
    module: torch.nn.Module  # unwrapped, for the evaluation
    batches: Feed
    stepper: Stepper
    schedule: Schedule
    context: BuildContext
    point: Point
    config: SweepConfig
    group: Group
    clock: Clock
    record: Record
    run_id: str
    steps_per_epoch: int
    total_steps: int
    bucket_cap_mb: float | None = None  # None without DDP
    ddp_arguments: Mapping[str, Any] = field(default_factory=dict)
    compile_s: float | None = None
    live: LiveRank = field(default_factory=LiveRank)
    samples: Samples | None = None  # None: no evaluation within an epoch
    spent: Spent = field(default_factory=Spent)
    explosion: Explosion | None = None  # ends a run whose loss explodes
    hope: Hope | None = None  # ends a run that has none
    checkpoints: Checkpoints | None = None
    kept_records: Callable[[], list[Any]] = list  # of this rank so far
    average: WeightAverage | None = None  # what is evaluated; None: the weights themselves

    def sync_hook(self, stamped: Callable[[Hook], Hook] | None = None) -> Hook | None:
        """Return what reduces gradients in DDP, with an instrument where one is given."""
        return sync_hook(self.workload, self.context, self.group, self.point.compression, stamped)

    def run(self) -> tuple[str, ...]:
        """Train all epochs, recording blocks and epochs; the last epoch may be cut by `steps`.

        Returns:
            Flags of this rank.
        """
        timer = self.block_timer()
        resumed = resume(self, timer)
        done, epoch = (0, 0) if resumed is None else (resumed.step, resumed.epoch)
        while done < self.total_steps:
            steps = min(self.steps_per_epoch, self.total_steps - done)
            epoch += 1
            self._epoch(timer, epoch, first_step=done, num_steps=steps)
            done += steps
            if self._is_checkpoint_due(epoch, is_last=done == self.total_steps):
                save(self, Place(epoch, done))
        flags = {
            "warmup_unsettled": timer.is_unsettled,
            "same_order": self.batches.order.is_same,
            "resumed": resumed is not None,
        }
        return tuple(name for name, is_set in flags.items() if is_set)

    def _is_checkpoint_due(self, epoch: int, *, is_last: bool) -> bool:
        every = self.config.checkpoint.every
        return self.checkpoints is not None and (is_last or epoch % every == 0)

    def block_timer(self) -> BlockTimer:
        """Return a timer at the start of warm-up, whose blocks go to `record`."""
        return BlockTimer(
            self.clock,
            self.config.measure,
            agree=self.group.max,
            record=self.record,
            total_steps=self.total_steps,
            run_id=self.run_id,
            rank=self.group.rank,
        )

    def train_steps(
        self,
        timer: BlockTimer,
        stream: Iterator[Share],
        *,
        epoch: int,
        first_step: int,
        num_steps: int,
    ) -> EpochRecord:
        """Make timed steps on the next shares of a stream; the record lacks an evaluation.

        Raises:
            TrainingError: If the stream ends too early.
            NonFiniteLossError: If the loss is not finite.
        """
        tally, counted = Tally(self.group.device, self.explosion), BatchTally()
        self.module.train()
        self.live.epoch = epoch
        self._say_phase(timer)
        wall_start, away_s = datetime.now(UTC), self.spent.away_s
        timer.start_epoch(epoch)
        lr = self._train(
            timer, tally, counted, stream, epoch, first_step=first_step, num_steps=num_steps
        )
        train_s = timer.end_epoch()
        tally.check_finite(epoch=epoch, step=first_step + num_steps)
        wall_s = (datetime.now(UTC) - wall_start).total_seconds() - (self.spent.away_s - away_s)
        samples, loss, accuracy = tally.means(self.group)
        counts = counted.counts(self.group)
        watch = self.stepper.watch
        noise = None if watch is None else watch.taken()
        return EpochRecord(
            run_id=self.run_id,
            epoch=epoch,
            num_steps=num_steps,
            num_samples=samples,
            train_s=train_s,
            eval_s=None,
            lr=lr,
            train_loss=loss,
            train_accuracy_frac=accuracy,
            val_loss=None,
            val_accuracy_frac=None,
            train_wall_clock_s=wall_s,
            num_tokens=counts.num_tokens,
            least_local_samples=counts.least_local_samples,
            most_local_samples=counts.most_local_samples,
            grad_mean_sq=None if noise is None else noise.mean_sq,
            grad_variance=None if noise is None else noise.variance,
        )

    def _epoch(self, timer: BlockTimer, epoch: int, *, first_step: int, num_steps: int) -> None:
        stream = shares(self.batches, epoch, self.group)
        trained = self.train_steps(
            timer, stream, epoch=epoch, first_step=first_step, num_steps=num_steps
        )
        is_last = first_step + num_steps == self.total_steps
        evaluation, eval_s = self._evaluate() if self._is_due(epoch, is_last) else (None, None)
        if evaluation is not None and eval_s is not None:
            trained = replace(
                trained,
                eval_s=eval_s,
                val_loss=evaluation.loss_sum / evaluation.num_samples,
                val_accuracy_frac=accuracy_of(evaluation),
                num_val_samples=evaluation.num_samples,
            )
            self._keep_evaluation(
                evaluation, epoch, first_step + num_steps, train_s=trained.train_s, eval_s=eval_s
            )
        self.spent.train_s += trained.train_s
        self.record(trained)
        self._check_hope(evaluation, first_step + num_steps)

    def _check_hope(self, evaluation: Evaluation | None, step: int) -> None:
        if evaluation is not None and self.hope is not None:
            self.hope.check(evaluation, self._samples_before(step))

    def _samples_before(self, step: int) -> int:
        batch = known(self.point.global_batch_size)
        return step * batch if self.samples is None else self.samples.before(step)

    def _keep_evaluation(
        self, evaluation: Evaluation, epoch: int, step: int, *, train_s: float, eval_s: float
    ) -> None:
        """Record an evaluation after so many steps; `train_s` is that of the epoch so far."""
        self.record(
            self.spent.evaluated(
                evaluation,
                run_id=self.run_id,
                epoch=epoch,
                num_samples=self._samples_before(step),
                train_s=train_s,
                eval_s=eval_s,
            )
        )

    def _evaluate_within(self, timer: BlockTimer, epoch: int, step: int) -> float:
        """Evaluate after so many steps, of which no time counts as training; return its seconds."""
        begin = datetime.now(UTC)
        train_s = timer.pause()
        evaluation, eval_s = self._evaluate()
        if evaluation is not None and eval_s is not None:
            self._keep_evaluation(evaluation, epoch, step, train_s=train_s, eval_s=eval_s)
        self._check_hope(evaluation, step)
        self.module.train()
        self._say_phase(timer)
        timer.resume()
        return (datetime.now(UTC) - begin).total_seconds()

    def _train(
        self,
        timer: BlockTimer,
        tally: Tally,
        counted: BatchTally,
        stream: Iterator[Share],
        epoch: int,
        *,
        first_step: int,
        num_steps: int,
    ) -> float:
        lr, done = known(self.point.base_lr), 0
        for step, share in zip(range(first_step, first_step + num_steps), stream, strict=False):
            PULSE.step = step + 1
            lr = self.schedule.apply(self.stepper.optimizer, step)
            self.stepper.step(share, seen=tally.add)
            if self.average is not None:
                self.average.update(share.num_global_samples)
            counted.add(share)
            if timer.step_done(share.num_samples, share.num_tokens, lr=lr):
                self.live.loss = tally.check_finite(epoch=epoch, step=step + 1)
                self._say_phase(timer)
            self.live.step_done(share.num_samples)
            done += 1
            if self._is_due_within(epoch, step, is_end=done == num_steps):
                self.spent.away_s += self._evaluate_within(timer, epoch, step + 1)
        if done < num_steps:
            raise TrainingError(
                f"The workload's batches ended after {done} of {num_steps} steps in epoch {epoch}; "
                "their length must be the batches that they yield, in every epoch anew."
            )
        return lr

    def _say_phase(self, timer: BlockTimer) -> None:
        self.live.phase = "warm-up" if timer.is_warmup else "training"

    def _is_due(self, epoch: int, is_last: bool) -> bool:
        every = self.config.evaluated_every
        return every > 0 and (is_last or epoch % every == 0)

    def _is_due_within(self, epoch: int, step: int, *, is_end: bool) -> bool:
        every = self.config.evaluation.every_samples
        if every is None or self.samples is None or not is_due(self.samples, step, every):
            return False
        return not (is_end and self._is_due(epoch, step + 1 == self.total_steps))

    def _evaluate(self) -> tuple[Evaluation | None, float | None]:
        self.live.phase = "evaluating"
        self.live.num_evaluated = 0
        begin_ns = self.clock.now_ns()
        precision: Precision = known(self.point.precision)
        # Other shapes, and no gradients: once an epoch.
        averaged = contextlib.nullcontext() if self.average is None else self.average.in_place()
        with eagerly(self.point.compile), unsearched(), averaged:
            evaluation = evaluate(
                *(self.workload, self.module, self.context, self.group, precision),
                self._evaluation_failed,
            )
        self.clock.synchronize()
        if evaluation is None:
            return None, None
        return evaluation, (self.clock.now_ns() - begin_ns) * 1e-9

    def instruments(self) -> Instruments:
        """Return what reads memory, energy and utilisation of this rank."""
        group = self.group
        return Instruments(
            group.device, is_node_leader=group.local_rank == 0, failed=self._instruments_failed
        )

    def _instruments_failed(self, error: Exception) -> None:
        self.record(failure_record(self.run_id, "instruments", self.group.rank, cause_of(error)))

    def _evaluation_failed(self, error: Exception) -> None:
        self.record(failure_record(self.run_id, "evaluation", self.group.rank, cause_of(error)))
