"""A worker that is polled while it trains."""

import queue
import threading
import time
from types import SimpleNamespace

import pytest
from ray.train.v2._internal.execution.worker_group import RayTrainWorker
from ray.train.v2._internal.execution.worker_group.thread_runner import ThreadRunner

from ray_bench.launch.tuned import workers
from ray_bench.launch.tuned.workers import PatientWorker


@pytest.fixture
def runner(monkeypatch):
    made = ThreadRunner()
    made.keep = SimpleNamespace(num_to_keep=None)
    made.reports = queue.Queue()
    context = SimpleNamespace(
        execution_context=SimpleNamespace(training_thread_runner=made, result_queue=made.reports),
        train_run_context=SimpleNamespace(run_config=SimpleNamespace(checkpoint_config=made.keep)),
    )
    monkeypatch.setattr(workers, "get_train_context", lambda: context)
    monkeypatch.setattr(RayTrainWorker, "poll_status", lambda worker: made.is_running())
    return made


def test_a_poll_waits_for_the_end_of_training_and_no_longer(runner):
    may_end = threading.Event()
    runner.run(may_end.wait)
    threading.Timer(0.1, may_end.set).start()
    begin_s = time.perf_counter()
    assert not PatientWorker().poll_status()
    assert 0.05 < time.perf_counter() - begin_s < workers.POLL_PATIENCE_S


def test_a_poll_says_after_a_while_that_training_goes_on(runner, monkeypatch):
    monkeypatch.setattr(workers, "POLL_PATIENCE_S", 0.05)
    may_end = threading.Event()
    runner.run(may_end.wait)
    assert PatientWorker().poll_status()
    may_end.set()


def test_a_poll_before_training_returns_at_once(runner):
    assert not PatientWorker().poll_status()


def test_a_poll_takes_a_checkpoint_soon(runner):
    runner.keep.num_to_keep = 1
    may_end = threading.Event()
    runner.run(may_end.wait)
    threading.Timer(0.1, lambda: runner.reports.put("a checkpoint")).start()
    begin_s = time.perf_counter()
    assert PatientWorker().poll_status()
    assert 0.05 < time.perf_counter() - begin_s < workers.POLL_PATIENCE_S
    may_end.set()
