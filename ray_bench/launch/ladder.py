"""Ladders on a cluster: one TorchTrainer in a Tune trial; each round is handed over as it ends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, final

import ray
from ray.train import TrainingFailedError

from ray_bench.launch.failures import Failure, describe
from ray_bench.launch.gauges import exported
from ray_bench.launch.inbox import open_inbox
from ray_bench.launch.network import measure_first
from ray_bench.launch.session import session
from ray_bench.launch.trial import failed, make_trainer
from ray_bench.launch.tuning import Reporter, SweepListener, fit
from ray_bench.launch.worker import import_from, process_group, rank_group
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.stopping import Decision
from ray_bench.records import PlannedRun, RunData
from ray_bench.train.ladder import LadderRequest, train_ladder
from ray_bench.workloads import catalog

#: Told why a ladder with a stop rule ended.
Decided = Callable[[LadderRequest, Decision], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTrial:
    """One TorchTrainer's ladders, one after the other; the first says how workers are placed."""

    ladders: tuple[LadderRequest, ...]
    use_gpu: bool
    import_path: str
    scratch_dir: str
    inbox: Any  # handle of the actor that takes finished rounds

    @property
    def world_size(self) -> int:
        """The largest of all ladders."""
        return max(point.world_size for ladder in self.ladders for point in ladder.points)


def run_ladders(
    ladders: Sequence[LadderRequest],
    *,
    address: str | None,
    listener: SweepListener,
    decided: Decided,
) -> None:
    """Measure ladders in one group of workers and tell the listener of every turn.

    Args:
        ladders: One after the other. The first one's configuration says how workers are placed.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one that ends with them.
        listener: Told of starts and ends; what it raises ends everything.
        decided: Told why each ladder that has a stop rule ended.

    Raises:
        LaunchError: If the cluster cannot be reached.
        ClusterCapacityError: If it can never give the largest world size its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM, after the workers have been stopped.
    """
    config = ladders[0].config
    with (
        session(config, address, listener) as (use_gpu, scratch),
        exported(listener, wanted=config.trackers.prometheus) as listener,
    ):
        sweep_id = ladders[0].sweep_id
        measure_first(config, sweep_id, use_gpu=use_gpu, scratch_dir=scratch, listener=listener)
        inbox = open_inbox()
        trial = LadderTrial(
            ladders=tuple(ladders),
            use_gpu=use_gpu,
            import_path=os.getcwd(),
            scratch_dir=scratch,
            inbox=inbox,
        )
        reporter = _Reporter(listener, trial, decided)
        fit(_trial, [trial], reporter, max_concurrent=1, storage_path=scratch)


def _trial(config: dict[str, Any]) -> dict[str, Any]:
    trial: LadderTrial = config["request"]
    trainer = make_trainer(
        trial.ladders[0].config,
        num_workers=trial.world_size,
        use_gpu=trial.use_gpu,
        loop=ladder_worker,
        loop_config={"request": trial},
        name=f"ladder-{uuid.uuid4().hex[:8]}",
        scratch_dir=trial.scratch_dir,
    )
    try:
        result: Any = trainer.fit()
    except TrainingFailedError as err:
        return {"outcome": describe(err)}
    return {"outcome": result.return_value}


def ladder_worker(loop_config: dict[str, Any]) -> list[Decision | None] | None:
    """Measure this worker's part of every ladder; rank 0 returns why each ended."""
    trial: LadderTrial = loop_config["request"]
    import_from(trial.import_path)
    everyone = rank_group()

    def deliver(runs: Sequence[RunData]) -> None:
        ray.get(trial.inbox.put.remote(list(runs)))

    clock = SystemClock(everyone.device)
    with process_group(needed=True):
        decisions = [
            train_ladder(
                ladder, partial(catalog.load, ladder.config.workload), everyone, clock, deliver
            )
            for ladder in trial.ladders
        ]
    return decisions if everyone.rank == 0 else None


@final
class _Reporter(Reporter):
    """A trial is all ladders; its turns come through the inbox while it runs."""

    def __init__(self, listener: SweepListener, trial: LadderTrial, decided: Decided) -> None:
        super().__init__(listener, num_trials=1)
        self._trial = trial
        self._decided = decided
        self._waiting = {
            (ladder.sweep_id, run.run_id): (ladder, run)
            for ladder in trial.ladders
            for turns in ladder.rounds
            for run in turns
        }

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, trial, info
        with self.keeping_error():
            self._start_next()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune calls this several times a second."""
        del iteration, trials, info
        with self.keeping_error():
            self._take()

    def trial_ended(self, trial: Any) -> None:
        """Hand over the last rounds, and what went wrong or why each ladder stopped."""
        self._take()
        outcome = trial.last_result["outcome"]
        if isinstance(outcome, Failure):
            self._fail(outcome)
            return
        for ladder, decision in zip(self._trial.ladders, outcome, strict=True):
            if decision is not None:
                self._decided(ladder, decision)

    def trial_broke(self, trial: Any, failure: Failure) -> None:
        """Hand over the rounds that were finished, and what went wrong."""
        del trial
        self._take()
        self._fail(failure)

    def _take(self) -> None:
        for data in ray.get(self._trial.inbox.take.remote()):
            self._waiting.pop((data.run.sweep_id, data.run.run_id))
            self.listener.run_finished(data)
            self._start_next()

    def _start_next(self) -> None:
        for _, run in self._waiting.values():
            self.listener.run_started(run)
            return

    def _fail(self, failure: Failure) -> None:
        """The turns of the round that was going on have failed; those of later ones are missing."""
        at = datetime.now(UTC)
        for ladder, run in self._round_going_on():
            attempt = ladder.attempts.get(run.run_id, 1)
            self.listener.run_finished(
                failed(run, failure, sweep_id=ladder.sweep_id, attempt=attempt, started_at=at)
            )

    def _round_going_on(self) -> list[tuple[LadderRequest, PlannedRun]]:
        waiting = list(self._waiting.values())
        return [
            (ladder, run)
            for ladder, run in waiting
            if ladder is waiting[0][0] and run.repeat == waiting[0][1].repeat
        ]
