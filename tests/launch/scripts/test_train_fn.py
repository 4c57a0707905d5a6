"""Somebody's Ray Train function is called as Ray would call it, and heard."""

from __future__ import annotations

import json

import pytest
import torch
from ray import train
from torch.utils.data import DataLoader, TensorDataset

from ray_bench.attach.ranks import Rank
from ray_bench.attach.session import Session, Wanted
from ray_bench.config.groups import MeasureConfig
from ray_bench.errors import ConfigError
from ray_bench.launch.hosts_backend import HostsConfig
from ray_bench.launch.scripts import train_fn
from ray_bench.launch.trial import make_trainer, worker_env
from tests.launch.scripts.ranks import asked


@pytest.fixture
def session(tmp_path):
    wanted = Wanted(num_steps=5, measure=MeasureConfig(warmup_steps=2, warmup_s=0))
    return Session(wanted, Rank(0, 1, 0), tmp_path)


def loop(config) -> None:
    net = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), config["lr"])
    for (x,) in DataLoader(TensorDataset(torch.randn(400, 4)), 8):
        net(x).sum().backward()
        optimizer.step()
        if config.get("fails"):
            raise KeyError("planted")
        train.report({"val_loss": 0.5, "name": "no number", "done": True})


def lines_of(folder):
    (file,) = folder.rglob("rank-0.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_it_is_ended_after_its_steps_and_what_it_reports_is_kept(session, tmp_path, monkeypatch):
    reported = []
    monkeypatch.setattr(train, "report", lambda metrics, checkpoint=None: reported.append(metrics))
    before = train.report
    train_fn._call(loop, {"lr": 0.1}, session)
    assert train.report is before
    assert len(reported) >= 7
    lines = lines_of(tmp_path)
    said = next(line["values"] for line in lines if line["kind"] == "metric")
    assert said == {"val_loss": 0.5, "done": 1}
    assert lines[-1]["reason"] == "measured"
    assert sum(x["num_samples"] for x in lines if x["kind"] == "block" and not x["is_warmup"]) == 40


def test_what_it_raises_comes_through(session, tmp_path):
    with pytest.raises(KeyError, match="planted"):
        train_fn._call(loop, {"lr": 0.1, "fails": True}, session)
    assert lines_of(tmp_path)[-1]["error_type"] == "KeyError"


def test_it_need_not_take_a_configuration(session):
    called = []
    train_fn._call(lambda: called.append(1), {"lr": 0.1}, session)
    assert called == [1]


def test_a_slip_in_its_name_is_told():
    assert train_fn.imported("json:dumps") is json.dumps
    with pytest.raises(ConfigError, match=r"has no function 'dumsp'"):
        train_fn.imported("json:dumsp")


def test_its_data_sets_are_the_trainers(tmp_path):
    config = asked(tmp_path / "train.py", "steps=3")
    made = make_trainer(
        config, num_workers=0, use_gpu=False, loop=loop, loop_config={}, name="n",
        scratch_dir=str(tmp_path), hosts_config=HostsConfig(), datasets={"train": [1]},
    )  # fmt: skip
    assert made.datasets == {"train": [1]}
    assert "MALLOC_ARENA_MAX" not in worker_env(config)
