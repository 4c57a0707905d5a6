"""Runs that one group of workers makes one after the other: a start-up for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, final

import ray

from ray_bench.launch.failures import Failure
from ray_bench.launch.requests import SharedTrial, TrialRequest
from ray_bench.launch.tuned import release_groups_of_the_dead
from ray_bench.launch.tuning import Reporter, SweepListener


def shared_trials(requests: Sequence[TrialRequest], inbox: Any) -> list[SharedTrial]:
    """Group requests that follow each other and can share workers."""
    groups: list[list[TrialRequest]] = []
    for request in requests:
        if groups and groups[-1][0].planned.can_share_workers(request.planned):
            groups[-1].append(request)
        else:
            groups.append([request])
    return [
        SharedTrial(launch_id=uuid.uuid4().hex[:8], requests=tuple(group), inbox=inbox)
        for group in groups
    ]


@final
class SharedReporter(Reporter):
    """A trial is several runs, which come through the inbox.

    Attributes:
        left: Runs that did not begin, because one before them failed.
    """

    def __init__(self, listener: SweepListener, trials: Sequence[SharedTrial]) -> None:
        super().__init__(listener, num_trials=len(trials))
        self.left: list[TrialRequest] = []
        self._inbox = trials[0].inbox
        self._waiting = {trial.launch_id: list(trial.requests) for trial in trials}
        self._began: dict[str, datetime] = {}  # the run that is going on, by launch

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune calls this."""
        del iteration, trials, info
        with self.keeping_error():
            self._start_next(trial.config["request"].launch_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Tune calls this several times a second."""
        del iteration, trials, info
        with self.keeping_error():
            self._go_on()

    def trial_ended(self, trial: Any) -> None:
        """Hand over the last runs, and what went wrong."""
        self._go_on()
        outcome = trial.last_result["outcome"]
        if isinstance(outcome, Failure):
            self._fail(trial.config["request"].launch_id, outcome)

    def trial_broke(self, trial: Any, failure: Failure) -> None:
        """Hand over the runs that were finished, what went wrong, and the places of the workers."""
        release_groups_of_the_dead()
        self._go_on()
        self._fail(trial.config["request"].launch_id, failure)

    def take_finished(self) -> list[str]:
        """Hand over what workers have finished; return the launches that it came from."""
        launches = []
        for data in ray.get(self._inbox.take.remote()):
            waiting = self._waiting[data.run.launch_id]
            finished = [x for x in waiting if x.planned.run_id == data.run.run_id]
            for request in finished:  # none where Ray made the workers begin again
                waiting.remove(request)
                self.listener.run_finished(data)
                launches.append(data.run.launch_id)
        return launches

    def _go_on(self) -> None:
        for launch_id in self.take_finished():
            self._start_next(launch_id)

    def _start_next(self, launch_id: str) -> None:
        self._began[launch_id] = datetime.now(UTC)
        if waiting := self._waiting[launch_id]:
            self.listener.run_started(waiting[0].planned)

    def _fail(self, launch_id: str, failure: Failure) -> None:
        """The run that was going on has failed; those after it get other workers."""
        waiting = self._waiting[launch_id]
        if waiting:
            now = datetime.now(UTC)
            began = self._began.get(launch_id, now)
            data = waiting.pop(0).failed(failure, began)
            wall_s = (now - began).total_seconds()
            run = replace(data.run, launch_id=launch_id, wall_s=wall_s)
            self.listener.run_finished(replace(data, run=run))
        self.left += waiting
