"""The sweep without a cluster: what its reporter and its signals do."""

from __future__ import annotations

import pickle
import threading
from types import SimpleNamespace

import pytest
from ray import tune

from ray_bench.errors import LaunchError, StoreError
from ray_bench.launch import sweep, tuning

FINISHED = SimpleNamespace(last_result={"data": None})


class Listener:
    """Like a live table: it holds a lock, which no pickle takes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def run_started(self, planned) -> None:
        raise StoreError("Cannot write it.")

    def run_finished(self, data) -> None:
        raise StoreError("Cannot write it.")

    def network_measured(self, records) -> None:
        raise AssertionError("nobody asked")

    def network_failed(self, reason) -> None:
        raise AssertionError("nobody asked")

    def stopping(self) -> None:
        raise AssertionError("nobody asked")


def fit(monkeypatch, tmp_path, during_fit) -> None:
    """Call `fit` for one run that never ends; `during_fit` gets Tune's callback."""

    class Tuner:
        def __init__(self, *_, run_config, **__) -> None:
            (self.callback,) = run_config.callbacks

        def fit(self) -> None:
            try:
                during_fit(self.callback)
            except Exception as err:
                raise tune.TuneError("Inspect the previous error messages.") from err

    monkeypatch.setattr(tuning.tune, "Tuner", Tuner)
    reporter = sweep._Reporter(Listener(), num_trials=1)
    tuning.fit(
        lambda config: {}, [object()], reporter, max_concurrent=1, storage_path=str(tmp_path)
    )


def test_tune_can_pickle_the_reporter_of_a_terminal():
    copy = pickle.loads(pickle.dumps(sweep._Reporter(Listener(), num_trials=1)))
    assert isinstance(copy, tune.Callback)


def test_a_reporter_has_to_say_what_a_trial_is():
    with pytest.raises(TypeError, match="abstract"):
        tuning.Reporter(Listener(), num_trials=1)


def test_a_store_that_fails_ends_the_sweep_with_its_own_words(monkeypatch, tmp_path):
    with pytest.raises(StoreError, match="Cannot write it"):
        fit(monkeypatch, tmp_path, lambda callback: callback.on_trial_complete(0, [], FINISHED))


def test_an_error_of_tune_itself_is_a_launch_error(monkeypatch, tmp_path):
    def lose_node(_):
        raise ValueError("traceback\nthe head node is gone.")

    with pytest.raises(LaunchError, match=r"could not go on: the head node is gone\.$"):
        fit(monkeypatch, tmp_path, lose_node)


def test_runs_that_are_left_mean_an_interruption(monkeypatch, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(monkeypatch, tmp_path, lambda callback: None)


def test_further_runs_are_asked_for_until_there_are_none():
    later = iter([["c"], []])
    assert list(sweep._batches(["a", "b"], lambda: next(later))) == [["a", "b"], ["c"]]
    assert list(sweep._batches(["a"], None)) == [["a"]]
    assert list(sweep._batches([], lambda: pytest.fail("nothing ran"))) == []
