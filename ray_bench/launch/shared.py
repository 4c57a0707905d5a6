"""Runs that one group of workers makes one after the other: a start-up for all of them."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, final

import ray
from ray.train import TrainingFailedError

from ray_bench.launch.failures import Failure, describe
from ray_bench.launch.release import release_groups_of_the_dead
from ray_bench.launch.trial import TrialRequest, make_trainer
from ray_bench.launch.tuning import Reporter, SweepListener
from ray_bench.launch.worker import import_from, process_group, rank_group
from ray_bench.measure.clock import SystemClock
from ray_bench.records import RunData
from ray_bench.train.group import Group
from ray_bench.train.merge import RunRequest
from ray_bench.train.run import train_rank
from ray_bench.workloads import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTrial:
    """Runs that differ in learning rate and seed alone."""

    launch_id: str
    requests: tuple[TrialRequest, ...]
    inbox: Any  # handle of the actor that takes finished runs


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


def run_shared_trial(config: dict[str, Any]) -> dict[str, Any]:
    """Fit one TorchTrainer for all runs of a trial; return what ended it."""
    trial: SharedTrial = config["request"]
    first = trial.requests[0]
    started_at = datetime.now(UTC)
    trainer = make_trainer(
        first.config,
        num_workers=first.planned.point.world_size,
        use_gpu=first.use_gpu,
        loop=shared_worker,
        loop_config={"trial": trial, "started_at": started_at},
        name=f"shared-{trial.launch_id}-{uuid.uuid4().hex[:8]}",
        scratch_dir=first.scratch_dir,
    )
    try:
        trainer.fit()
    except TrainingFailedError as err:
        return {"outcome": describe(err)}
    return {"outcome": "done"}  # Tune would print a trial that returns nothing


def shared_worker(loop_config: dict[str, Any]) -> None:
    """Train this worker's rank of every run; rank 0 hands each over when it has ended."""
    trial: SharedTrial = loop_config["trial"]
    started_at: datetime = loop_config["started_at"]
    import_from(trial.requests[0].import_path)
    group = rank_group()
    with process_group(needed=trial.requests[0].planned.point.is_ddp):
        for number, request in enumerate(trial.requests):
            data = _train(request.run_request(started_at), group)
            if group.rank == 0:
                own = _of_launch(data, trial.launch_id, is_first=number == 0)
                ray.get(trial.inbox.put.remote([own]))
            gc.collect()  # DDP and its module hold each other
            started_at = datetime.now(UTC)


def _train(run: RunRequest, group: Group) -> RunData:
    workload = catalog.load(run.planned.point.workload)
    data = train_rank(run, workload, group, SystemClock(group.device))
    wall_s = (datetime.now(UTC) - run.started_at_utc).total_seconds()
    return replace(data, run=replace(data.run, wall_s=wall_s))


def _of_launch(data: RunData, launch_id: str, *, is_first: bool) -> RunData:
    """Name the launch; a later run began when its model and data were there."""
    run = replace(data.run, launch_id=launch_id)
    if not is_first:
        building_s = run.startup_s or 0.0
        run = replace(
            run,
            started_at_utc=run.started_at_utc + timedelta(seconds=building_s),
            wall_s=run.wall_s - building_s,
            setup_s=None,
            peak_memory_bytes=None,  # a process has one, of all its runs
        )
    return replace(data, run=run)


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
