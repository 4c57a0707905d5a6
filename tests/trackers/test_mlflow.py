"""MLflow: with a module that keeps its rules, and with the real one where it is installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from ray_bench.errors import ConfigError
from ray_bench.trackers import mlflow as room
from ray_bench.trackers.entry import Entries
from ray_bench.trackers.mlflow import MLflow
from tests.samples import make_data


class FakeServer:
    """An MLflow server's rules: a parameter never changes, a batch has a largest size."""

    def __init__(self):
        self.experiments, self.runs = {}, {}
        self.fail_at: str | None = None

    def client(self, tracking_uri):
        assert tracking_uri == "http://server"
        return self

    def get_experiment_by_name(self, name):
        known = self.experiments.get(name)
        return None if known is None else SimpleNamespace(experiment_id=known)

    def create_experiment(self, name):
        return self.experiments.setdefault(name, str(len(self.experiments)))

    def create_run(self, experiment_id, start_time=None, tags=None, run_name=None):
        run_id = f"id{len(self.runs)}"
        values = {"name": run_name, "tags": tags, "start": start_time, "status": "RUNNING"}
        self.runs[run_id] = SimpleNamespace(**values, params={}, metrics=set(), end=None)
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def log_batch(self, run_id, metrics=(), params=()):
        assert len(metrics) <= 1000
        assert len(params) <= 100
        if self.fail_at == "metrics" and metrics:
            raise ConnectionError("server down")
        run = self.runs[run_id]
        for key, value in params:
            assert run.params.setdefault(key, value) == value
        run.metrics |= set(metrics)

    def set_terminated(self, run_id, status=None, end_time=None):
        self.runs[run_id].status, self.runs[run_id].end = status, end_time


@pytest.fixture
def server(monkeypatch):
    fake = FakeServer()
    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    module.MlflowClient = fake.client
    entities.Metric = lambda key, value, timestamp, step: (key, value, timestamp, step)
    entities.Param = lambda key, value: (key, value)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    for name in room._PATIENCE:
        monkeypatch.setenv(name, "1")
    return fake


def test_a_run_is_an_mlflow_run_with_its_own_times(server):
    tracker, data = MLflow("http://server", experiment="mine"), make_data()
    entry = Entries().of(data)
    tracker.open()
    tracker.log(entry)
    (run,) = server.runs.values()
    assert (run.name, run.status) == ("a", "FINISHED")
    assert run.tags == {"ray_bench.sweep": data.run.sweep_id, "ray_bench.run": "a"}
    assert run.end - run.start == pytest.approx(data.run.wall_s * 1000, abs=1)
    assert run.params == {name: str(value) for name, value in entry.parameters.items()}
    values = {(name, step): value for name, value, _, step in run.metrics}
    assert values["run/throughput_samples_per_s", 0] == data.run.throughput_samples_per_s
    assert values["epoch/train_loss", 2] == data.epochs[1].train_loss
    assert set(server.experiments) == {"mine"}


def test_a_known_experiment_is_used_and_failed_runs_are_failed(server):
    server.create_experiment("other")
    known = server.create_experiment("mine")
    tracker = MLflow("http://server", experiment="mine")
    tracker.log(Entries().of(make_data(with_tables=False, status="failed")))
    assert tracker._experiment_id == known
    assert [run.status for run in server.runs.values()] == ["FAILED"]


def test_a_run_that_was_cut_short_is_completed_not_doubled(server):
    tracker, entry = MLflow("http://server", experiment="mine"), Entries().of(make_data())
    server.fail_at = "metrics"
    with pytest.raises(ConnectionError):
        tracker.log(entry)
    server.fail_at = None
    tracker.log(entry)
    (run,) = server.runs.values()
    assert run.status == "FINISHED"
    assert len(run.metrics) == len(entry.metrics) + sum(len(x.metrics) for x in entry.epochs)


def test_passwords_are_not_shown():
    assert MLflow("http://me:secret@host:5000", experiment="x").place.startswith("http://host:5000")


def test_the_server_is_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    assert room.tracking_uri("/somewhere") == "http://server"


def test_without_a_server_a_database_is_needed(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI"):
        room.tracking_uri("/somewhere")
    monkeypatch.setattr(room, "find_spec", lambda name: name)
    assert room.tracking_uri("/somewhere") == "sqlite:////somewhere/mlflow.db"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_real_mlflow_keeps_a_run_in_files(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="pip install 'ray-bench[mlflow]'")
    # Without a database MLflow keeps runs in files on request only.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file://{tmp_path}"
    data = make_data(setup_s=1.0)
    entry = Entries().of(data)
    tracker = MLflow(uri, experiment="mine")
    tracker.open()
    tracker.log(entry)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("mine")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("a", "FINISHED")
    assert run.data.params == {name: str(value) for name, value in entry.parameters.items()}
    assert run.data.metrics["run/throughput_samples_per_s"] == data.run.throughput_samples_per_s
    losses = client.get_metric_history(run.info.run_id, "epoch/train_loss")
    assert [(x.step, x.value) for x in losses] == [(e.epoch, e.train_loss) for e in data.epochs]
