"""Runs that one group of workers makes one after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ray_bench.config.grid import expand
from ray_bench.config.schema import SweepConfig
from ray_bench.launch import shared
from ray_bench.launch.failures import Failure
from ray_bench.launch.requests import TrialRequest
from ray_bench.launch.shared import SharedReporter, shared_trials
from ray_bench.launch.worker import WorkerRequest, shared_worker, train_worker
from tests.fakes import TinyWorkload
from tests.launch.local import fit_here

SEEDS = (0, 1, 2)


class Box:
    """The inbox without an actor."""

    def __init__(self):
        self.runs = []
        self.put = SimpleNamespace(remote=self.runs.extend)
        self.take = SimpleNamespace(remote=self.taken)

    def taken(self):
        taken = list(self.runs)
        self.runs.clear()
        return taken


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setattr(shared.ray, "get", lambda answer: answer)
    return Box()


def requests_of(tmp_path, **changes):
    config = SweepConfig(
        workload="tests.fakes:TinyWorkload",
        epochs=1,
        launch={"share_workers": True},
        measure={"phase_steps": 0, "noise_steps": 0},
        **changes,
    ).with_defaults(TinyWorkload.defaults)
    return [
        TrialRequest(
            planned=run,
            config=config,
            sweep_id="s",
            attempt=1,
            use_gpu=False,
            commit=None,
            import_path=".",
            scratch_dir=str(tmp_path),
        )
        for run in expand(config)
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_they_train_as_they_would_with_workers_of_their_own(tmp_path, box):
    requests = requests_of(tmp_path, world_sizes=(1,), seeds=SEEDS)
    (trial,) = shared_trials(requests, box)
    began = datetime.now(UTC)
    config = requests[0].config
    fit_here(shared_worker, config, {"trial": trial, "started_at": began}, tmp_path)
    assert [data.run.run_id for data in box.runs] == [x.planned.run_id for x in requests]
    for request, data in zip(requests, box.runs, strict=True):
        own = WorkerRequest(run=request.run_request(began), import_path=".")
        alone = fit_here(train_worker, config, {"request": own}, tmp_path)
        assert data.run.final_train_loss == alone.run.final_train_loss
        assert (data.run.launch_id, alone.run.launch_id) == (trial.launch_id, None)
    first, *later = [data.run for data in box.runs]
    assert first.setup_s > 0
    assert first.peak_memory_bytes > 0
    assert {(run.setup_s, run.peak_memory_bytes) for run in later} == {(None, None)}
    starts = [run.started_at_utc for run in (first, *later)]
    assert starts == sorted(set(starts))
    assert all(run.wall_s > 0 for run in later)


def test_only_rule_and_seed_may_differ(tmp_path, box):
    requests = requests_of(
        tmp_path, world_sizes=(1, 2), seeds=(0, 1), lr_rules=("none", "linear"), scaling="weak",
        precision=("fp32", "bf16"), repeats=2,
    )  # fmt: skip
    trials = shared_trials(requests, box)
    for trial in trials:
        points = {replace(x.planned.point, lr=0.0, lr_rule="none", seed=0) for x in trial.requests}
        assert len(points) == 1
        assert len({x.planned.repeat for x in trial.requests}) == 1
    assert sum(len(trial.requests) for trial in trials) == len(requests)
    assert max(len(trial.requests) for trial in trials) == 4
    assert len({trial.launch_id for trial in trials}) == len(trials)


@pytest.mark.parametrize("is_lost", [False, True])
def test_runs_after_one_that_failed_are_left_for_other_workers(monkeypatch, tmp_path, box, is_lost):
    monkeypatch.setattr(shared, "release_groups_of_the_dead", lambda: None)
    heard, runs = [], []
    listener = SimpleNamespace(
        run_started=lambda planned: heard.append(("started", planned.point.seed)),
        run_finished=lambda data: (
            heard.append((data.run.status, data.run.point.seed)),
            runs.append(data.run),
        ),
    )
    requests = requests_of(tmp_path, world_sizes=(1,), seeds=SEEDS)
    (asked,) = shared_trials(requests, box)
    reporter = SharedReporter(listener, [asked])
    failure = Failure("ValueError", "no", 0)
    trial = SimpleNamespace(config={"request": asked}, last_result={"outcome": failure})
    began = datetime.now(UTC)
    reporter.on_trial_start(0, [], trial)
    done = requests[0].failed(failure, datetime.now(UTC))
    box.runs.append(replace(done, run=replace(done.run, status="ok", launch_id=asked.launch_id)))
    box.runs.append(box.runs[0])  # Ray made the workers begin again
    reporter.on_step_end(0, [])
    if is_lost:
        reporter.trial_broke(trial, failure)
    else:
        reporter.trial_ended(trial)
    first, second, third = (request.planned.point.seed for request in requests)
    assert heard == [("started", first), ("ok", first), ("started", second), ("failed", second)]
    assert [request.planned.point.seed for request in reporter.left] == [third]
    assert runs[-1].launch_id == asked.launch_id
    ended = runs[-1].started_at_utc + timedelta(seconds=runs[-1].wall_s)
    assert began <= runs[-1].started_at_utc < ended <= datetime.now(UTC)


def test_a_run_that_failed_before_it_was_announced_is_announced_first(tmp_path, box):
    requests = requests_of(tmp_path, world_sizes=(1,), seeds=(0, 1))
    (asked,) = shared_trials(requests, box)
    heard = []
    listener = SimpleNamespace(
        run_started=lambda planned: heard.append(planned.run_id),
        run_finished=lambda data: heard.append(data.run.status),
    )
    reporter = SharedReporter(listener, [asked])
    failure = Failure("ValueError", "no", 0)
    trial = SimpleNamespace(config={"request": asked}, last_result={"outcome": failure})
    reporter.on_trial_start(0, [], trial)
    done = requests[0].failed(failure, datetime.now(UTC))
    box.runs.append(replace(done, run=replace(done.run, status="ok", launch_id=asked.launch_id)))
    reporter.trial_ended(trial)
    first, second = (request.planned.run_id for request in requests)
    assert heard == [first, "ok", second, "failed"]


def test_the_last_that_failed_leaves_nothing(monkeypatch, tmp_path, box):
    requests = requests_of(tmp_path, world_sizes=(1,), seeds=(0,))
    trials = shared_trials(requests, box)
    listener = SimpleNamespace(run_started=lambda _: None, run_finished=lambda _: None)
    reporter = SharedReporter(listener, trials)
    outcome = {"outcome": Failure("ValueError", "no", None)}
    reporter.trial_ended(SimpleNamespace(config={"request": trials[0]}, last_result=outcome))
    assert reporter.left == []


def test_what_has_finished_is_stored_after_ctrl_c(tmp_path, box):
    requests = requests_of(tmp_path, world_sizes=(1,), seeds=(0, 1))
    trials = shared_trials(requests, box)
    heard = []
    listener = SimpleNamespace(run_started=heard.append, run_finished=heard.append)
    reporter = SharedReporter(listener, trials)
    done = requests[0].failed(Failure("", "", None), datetime.now(UTC))
    done = replace(done, run=replace(done.run, launch_id=trials[0].launch_id))
    box.runs.append(done)
    reporter.take_finished()
    assert heard == [done]
