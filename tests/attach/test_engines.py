"""An engine with DeepSpeed's documented interface: its steps count, not its optimizers' updates."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from ray_bench.attach.ending import EarlyEnd
from ray_bench.journals.convert import attached_run
from tests.attach.attached import Attached, loader, loss_of


class Engine(nn.Module):
    """Of ZeRO's first stages: one update of one optimizer for every group of parameters."""

    def __init__(self, module, *, stage=1, accumulate=2, overflows=()):
        super().__init__()
        self.module = module
        self.basic_optimizer = torch.optim.Adam([{"params": [x]} for x in module.parameters()])
        self.optimizer = self.basic_optimizer if stage == 0 else Around(self.basic_optimizer)
        self.global_steps = self.skipped_steps = self._micro = 0
        self._stage, self._accumulate, self._overflows = stage, accumulate, overflows

    def zero_optimization_stage(self):
        return self._stage

    def forward(self, x):
        return self.module(x)

    def backward(self, loss):
        loss.backward()
        self._micro += 1

    def step(self):
        if self._micro % self._accumulate:
            return
        groups = self.basic_optimizer.param_groups
        is_skipped = self.global_steps in self._overflows
        for group in [] if is_skipped else list(groups):
            self.basic_optimizer.param_groups = [group]
            self.basic_optimizer.step()
        self.basic_optimizer.param_groups = groups
        self.skipped_steps += is_skipped
        self.global_steps += 1


class Around:
    def __init__(self, optimizer):
        self._optimizer = optimizer

    @property
    def param_groups(self):
        return self._optimizer.param_groups


@pytest.fixture
def deepspeed(monkeypatch):
    module = ModuleType("deepspeed.runtime.engine")
    module.DeepSpeedEngine = Engine
    monkeypatch.setitem(sys.modules, "deepspeed.runtime.engine", module)


def train(engine, batches):
    for batch in batches:
        engine.backward(loss_of(engine, batch))
        engine.step()


@pytest.mark.usefixtures("deepspeed")
@pytest.mark.parametrize(("stage", "strategy"), [(0, "deepspeed"), (1, "zero1"), (3, "zero3")])
def test_an_engines_step_is_one_step(tmp_path, stage, strategy):
    before = Engine.step
    with Attached(tmp_path, steps=6) as attached, pytest.raises(EarlyEnd):
        train(Engine(nn.Linear(3, 1), stage=stage, overflows=(4,)), loader(400))
    assert Engine.step is before
    assert set(attached.samples) == {8}  # of both micro-batches
    timed = [x["num_steps"] for x in attached.lines("block") if not x["is_warmup"]]
    assert sum(timed) == 6
    run = attached_run(attached.session.folder, sweep_id="s", run_id="r").run
    assert (run.strategy, run.optimizer, run.num_params) == (strategy, "Adam", 4)
    assert (run.point.accumulate_steps, run.point.is_ddp, run.point.lr) == (2, False, 0.001)
    assert (run.grad_bytes is None) == (stage > 0)
    assert "steps_skipped" in run.flags
    assert len(attached.lines("skipped")) == 1
