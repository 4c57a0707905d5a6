"""Ladders on a cluster: one TorchTrainer in a Tune trial; each round is handed over as it ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, final

import ray

from ray_bench.launch.failures import Failure
from ray_bench.launch.gauges import exported
from ray_bench.launch.inbox import open_inbox
from ray_bench.launch.network import measure_first
from ray_bench.launch.requests import LadderTrial, failed
from ray_bench.launch.session import session
from ray_bench.launch.tuned import settled, trainer_of
from ray_bench.launch.tuning import Reporter, SweepListener, fit
from ray_bench.measure.stopping import Decision
from ray_bench.records import PlannedRun
from ray_bench.train.requests import LadderRequest

#: Told why a ladder with a stop rule ended.
Decided = Callable[[LadderRequest, Decision], None]


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
    config = settled(ladders[0].config, listener.note)
    ladders = [replace(ladder, trainer=trainer_of(config)) for ladder in ladders]
    ladders[0] = replace(ladders[0], config=config)
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
    from ray_bench.launch.trial import run_ladder_trial  # torch, in the trial's process alone

    return run_ladder_trial(config["request"])


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
                failed(
                    run,
                    failure,
                    sweep_id=ladder.sweep_id,
                    attempt=attempt,
                    started_at=at,
                    trainer=ladder.trainer,
                )
            )

    def _round_going_on(self) -> list[tuple[LadderRequest, PlannedRun]]:
        waiting = list(self._waiting.values())
        return [
            (ladder, run)
            for ladder, run in waiting
            if ladder is waiting[0][0] and run.repeat == waiting[0][1].repeat
        ]
