"""Trackers during `ray-bench run`, with a launcher that makes records up."""

import pytest

from ray_bench.store import ResultsStore
from ray_bench.trackers import chosen
from tests.trackers.events import parameters, read_events, scalars

SMALL = ["workload=cnn-digits", "world_sizes=[1,2]", "repeats=1", "epochs=1"]

pytestmark = pytest.mark.usefixtures("reports")


@pytest.fixture
def results(tmp_path):
    return str(tmp_path / "results")


def event_files(store):
    return sorted(store.local_folder.rglob("events.out.tfevents*"))


def test_tensorboard_has_every_run_of_the_store(ray_bench, launcher, results):
    outcome = ray_bench("run", *SMALL, "price_per_worker_hour=2", "--results", results)
    assert outcome.code == 0, outcome.err
    assert f"TensorBoard: 2 runs in {results}/tensorboard" in outcome.err
    store = ResultsStore(results)
    stored = {run.run_id: run for run in store.read().runs}
    files = event_files(store)
    assert len(files) == len(stored)
    for path in files:
        events = read_events(path)
        run = stored[parameters(events)["run_id"]]
        found = scalars(events)["run/throughput_samples_per_s", run.point.world_size]
        assert found == pytest.approx(run.throughput_samples_per_s, rel=1e-7)
        assert parameters(events)["price_per_worker_hour"] == 2


def test_trackers_can_be_turned_off(ray_bench, launcher, results):
    outcome = ray_bench("run", *SMALL, "trackers.tensorboard=false", "--results", results)
    assert outcome.code == 0
    assert "TensorBoard" not in outcome.err
    assert event_files(ResultsStore(results)) == []


def test_a_missing_package_is_said_before_the_sweep(ray_bench, launcher, results, monkeypatch):
    monkeypatch.setattr(chosen, "find_spec", lambda name: None)
    outcome = ray_bench("run", *SMALL, "trackers.wandb=true", "--results", results)
    assert outcome.code == 1
    assert "error: trackers.wandb is set, but the package wandb is not installed" in outcome.err
    assert launcher.calls == []
    assert ResultsStore(results).sweeps() == ()


def test_a_tracker_that_fails_loses_no_run(ray_bench, launcher, results, monkeypatch):
    def full(store, *_):
        raise OSError("no space")

    monkeypatch.setattr(ResultsStore, "write_events", full)
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 0
    assert outcome.err.count("TensorBoard failed, and the sweep goes on without it") == 1
    assert "warning: TensorBoard has 0 of 2 runs; the results have them all." in outcome.err
    assert len(ResultsStore(results).read().ok_runs) == 2


def test_a_sweep_is_resumed_with_other_trackers(ray_bench, launcher, results):
    launcher.stop_after = 1
    assert ray_bench("run", *SMALL, "--results", results).code == 130
    launcher.stop_after = None
    settings = [*SMALL, "trackers.tensorboard=false"]
    outcome = ray_bench("run", *settings, "--results", results, "--resume")
    assert outcome.code == 0
    assert "skipping 1 of 2 runs" in outcome.err
