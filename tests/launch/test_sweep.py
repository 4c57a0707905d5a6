"""The sweep without a cluster: what its reporter and its signals do."""

from __future__ import annotations

import pickle
import threading

import pytest
from ray import tune

from ray_bench.errors import LaunchError, StoreError
from ray_bench.launch import sweep, tuning
from ray_bench.launch.reporter import Reporter
from tests.launch.test_shared import launches, trial_of


class Listener:
    """Like a live table: it holds a lock, which no pickle takes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def run_started(self, planned) -> None:
        raise StoreError("Cannot write it.")

    def rank_told(self, planned, words) -> None:
        raise AssertionError("nothing began")

    def run_finished(self, data) -> None:
        raise StoreError("Cannot write it.")

    def network_measured(self, records) -> None:
        raise AssertionError("nobody asked")

    def network_failed(self, reason) -> None:
        raise AssertionError("nobody asked")

    def note(self, text) -> None:
        raise AssertionError("nobody asked")

    def stopping(self) -> None:
        raise AssertionError("nobody asked")


def fit(monkeypatch, tmp_path, box, during_fit) -> None:
    """Call `fit` for a launch that never ends; `during_fit` gets Tune's callback, and it."""
    (launch,) = launches(tmp_path, box, world_sizes=(1,))

    class Tuner:
        def __init__(self, *_, run_config, **__) -> None:
            (self.callback,) = run_config.callbacks

        def fit(self) -> None:
            try:
                during_fit(self.callback, launch)
            except Exception as err:
                raise tune.TuneError("Inspect the previous error messages.") from err

    monkeypatch.setattr(tuning.tune, "Tuner", Tuner)
    tuning.fit([launch], Reporter(Listener(), [launch]), storage_path=str(tmp_path))


def test_tune_can_pickle_the_reporter_of_a_terminal(tmp_path, box):
    reporter = Reporter(Listener(), launches(tmp_path, box, world_sizes=(1,)))
    assert isinstance(pickle.loads(pickle.dumps(reporter)), tune.Callback)


def test_a_store_that_fails_ends_the_sweep_with_its_own_words(monkeypatch, tmp_path, box):
    def fail(callback, launch) -> None:
        callback.on_trial_complete(0, [], trial_of(launch))

    with pytest.raises(StoreError, match="Cannot write it"):
        fit(monkeypatch, tmp_path, box, fail)


def test_an_error_of_tune_itself_is_a_launch_error(monkeypatch, tmp_path, box):
    def lose_node(*_):
        raise ValueError("traceback\nthe head node is gone.")

    with pytest.raises(LaunchError, match=r"could not go on: the head node is gone\.$"):
        fit(monkeypatch, tmp_path, box, lose_node)


def test_runs_that_are_left_mean_an_interruption(monkeypatch, tmp_path, box):
    with pytest.raises(KeyboardInterrupt):
        fit(monkeypatch, tmp_path, box, lambda *_: None)


def test_further_runs_are_asked_for_until_there_are_none():
    later = iter([["c"], []])
    assert list(sweep._batches(["a", "b"], lambda: next(later))) == [["a", "b"], ["c"]]
    assert list(sweep._batches(["a"], None)) == [["a"]]
    assert list(sweep._batches([], lambda: pytest.fail("nothing ran"))) == []
