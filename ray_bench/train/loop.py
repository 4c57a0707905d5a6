"""The timed training loop of one rank: epochs of steps in blocks, evaluation between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.measure.blocks import BlockTimer
from ray_bench.measure.clock import Clock
from ray_bench.records import BlockRecord, EpochRecord, Point
from ray_bench.train.evaluation import evaluate
from ray_bench.train.group import Group
from ray_bench.train.schedule import WarmupSchedule
from ray_bench.train.shares import shares
from ray_bench.train.step import Stepper
from ray_bench.train.tally import Tally
from ray_bench.workloads.base import BuildContext, Evaluation

Record = Callable[[BlockRecord | EpochRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What is the same in every epoch of a run."""

    workload: Any
    module: torch.nn.Module  # unwrapped, for the evaluation
    batches: Any
    stepper: Stepper
    schedule: WarmupSchedule
    context: BuildContext
    point: Point
    config: SweepConfig
    group: Group
    clock: Clock
    record: Record
    run_id: str
    steps_per_epoch: int
    total_steps: int

    def run(self) -> None:
        """Train all epochs, recording blocks and epochs; the last epoch may be cut by `steps`."""
        timer = BlockTimer(
            self.clock,
            self.config.measure,
            agree=self.group.max,
            record=self.record,
            run_id=self.run_id,
            rank=self.group.rank,
        )
        done, epoch = 0, 0
        while done < self.total_steps:
            steps = min(self.steps_per_epoch, self.total_steps - done)
            epoch += 1
            self._epoch(timer, epoch, first_step=done, num_steps=steps)
            done += steps

    def _epoch(self, timer: BlockTimer, epoch: int, *, first_step: int, num_steps: int) -> None:
        tally = Tally(self.group.device)
        self.module.train()
        wall_start = datetime.now(UTC)
        timer.start_epoch(epoch)
        lr = self._train(timer, tally, epoch, first_step=first_step, num_steps=num_steps)
        train_s = timer.end_epoch()
        tally.check_finite(epoch=epoch, step=first_step + num_steps)
        wall_s = (datetime.now(UTC) - wall_start).total_seconds()
        evaluation, eval_s = self._evaluate()
        samples, loss, accuracy = tally.means(self.group)
        self.record(
            EpochRecord(
                run_id=self.run_id,
                epoch=epoch,
                num_steps=num_steps,
                num_samples=samples,
                train_s=train_s,
                eval_s=eval_s,
                lr=lr,
                train_loss=loss,
                train_accuracy_frac=accuracy,
                val_loss=evaluation.loss_sum / evaluation.num_samples if evaluation else None,
                val_accuracy_frac=_accuracy(evaluation),
                num_val_samples=evaluation.num_samples if evaluation else None,
                train_wall_clock_s=wall_s,
            )
        )

    def _train(
        self, timer: BlockTimer, tally: Tally, epoch: int, *, first_step: int, num_steps: int
    ) -> float:
        lr = self.schedule.lr(first_step)
        done = 0
        stream = shares(self.batches, epoch, self.group)
        for step, share in zip(range(first_step, first_step + num_steps), stream, strict=False):
            lr = self.schedule.apply(self.stepper.optimizer, step)
            loss, outputs, targets = self.stepper.step(share)
            tally.add(loss, outputs, targets, share.num_samples)
            if timer.step_done(share.num_samples):
                tally.check_finite(epoch=epoch, step=step + 1)
            done += 1
        if done < num_steps:
            raise TrainingError(
                f"The workload's batches ended after {done} of {num_steps} steps in epoch {epoch}; "
                "their length must be the batches that they yield, in every epoch anew."
            )
        return lr

    def _evaluate(self) -> tuple[Evaluation | None, float | None]:
        begin_ns = self.clock.now_ns()
        evaluation = evaluate(
            self.workload, self.module, self.context, self.group, self.point.precision
        )
        self.clock.synchronize()
        if evaluation is None:
            return None, None
        return evaluation, (self.clock.now_ns() - begin_ns) * 1e-9


def _accuracy(evaluation: Evaluation | None) -> float | None:
    if evaluation is None or evaluation.num_correct is None:
        return None
    return evaluation.num_correct / evaluation.num_samples
