"""Weights & Biases: with a module that keeps its rules, and with the real one where installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from ray_bench.errors import ConfigError
from ray_bench.trackers.entry import Entries
from ray_bench.trackers.wandb import WandB, check_login
from tests.samples import make_data


class FakeRun:
    """A W&B run: nothing is logged after its end."""

    def __init__(self, **values):
        self.values = values
        self.summary, self.rows, self.exit_code = {}, [], None
        self.is_down = False

    def define_metric(self, name, step_metric):
        assert (name, step_metric) == ("epoch/*", "epoch")

    def log(self, row):
        assert self.exit_code is None
        if self.is_down:
            raise ConnectionError("server down")
        self.rows.append(row)

    def finish(self, exit_code):
        assert self.exit_code is None
        self.exit_code = exit_code


class FakeWandb(ModuleType):
    """The module: one run at a time."""

    def __init__(self):
        super().__init__("wandb")
        self.runs, self.has_key, self.is_down = [], True, False
        self.Settings = lambda **values: SimpleNamespace(**values)

    def init(self, **values):
        assert all(run.exit_code is not None for run in self.runs)
        self.runs.append(FakeRun(**values))
        self.runs[-1].is_down = self.is_down
        return self.runs[-1]

    def login(self, *, prompt, verify):
        assert not prompt
        return self.has_key

    def teardown(self):
        self.runs = []


@pytest.fixture
def wandb(monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in ("WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    return fake


def test_a_run_is_a_wandb_run_in_the_sweeps_group(wandb, tmp_path):
    data = make_data()
    entry = Entries().of(data)
    WandB(project="mine", folder=str(tmp_path)).log(entry)
    (run,) = wandb.runs
    assert (run.values["project"], run.values["name"]) == ("mine", "a")
    assert run.values["group"] == data.run.sweep_id
    assert run.values["config"] == entry.parameters
    assert run.summary == entry.metrics
    assert [row["epoch"] for row in run.rows] == [1, 2]
    assert run.rows[1]["epoch/train_loss"] == data.epochs[1].train_loss
    assert run.exit_code == 0


def test_a_failed_run_is_failed(wandb, tmp_path):
    entry = Entries().of(make_data(with_tables=False, status="failed"))
    WandB(project="mine", folder=str(tmp_path)).log(entry)
    assert wandb.runs[0].exit_code == 1


def test_a_run_that_was_cut_short_is_ended_and_replaced_by_itself(wandb, tmp_path):
    tracker, entry = WandB(project="mine", folder=str(tmp_path)), Entries().of(make_data())
    wandb.is_down = True
    with pytest.raises(ConnectionError):
        tracker.log(entry)
    wandb.is_down = False
    tracker.log(entry)
    first, second = wandb.runs
    assert (first.exit_code, second.exit_code) == (1, 0)
    assert first.values["id"] == second.values["id"]


def test_a_missing_key_is_found_before_the_sweep(wandb, monkeypatch):
    check_login()
    wandb.has_key = False
    with pytest.raises(ConfigError, match="wandb login"):
        check_login()
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_login()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_real_wandb_keeps_runs_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="pip install 'ray-bench[wandb]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_login()
    tracker = WandB(project="mine", folder=str(tmp_path))
    tracker.open()
    names = ("first-run", "second-run")
    for name in names:
        tracker.log(Entries().of(make_data(run_id=name)))
    tracker.close()
    files = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    contents = [path.read_bytes() for path in files]
    for name in names:
        (content,) = [content for content in contents if name.encode() in content]
        assert b"run/throughput_samples_per_s" in content
        assert b"epoch/train_loss" in content
