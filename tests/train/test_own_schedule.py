"""An optimizer and a schedule of the workload's own, scaled by the sweep's rule."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim import lr_scheduler as schedulers

from ray_bench.errors import TrainingError
from ray_bench.records import RunData
from ray_bench.train.group import Group
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, request, train


class TwoGroups(TinyWorkload):
    """AdamW with decay for matrices alone and a head that learns ten times as slowly."""

    def optimizer(self, module, lr):
        first, _, head = module
        groups = [
            {"params": [first.weight], "weight_decay": 0.1},
            {"params": [first.bias], "weight_decay": 0.0},
            {"params": head.parameters(), "lr": lr / 10},
        ]
        optimizer = torch.optim.AdamW(groups, lr=lr)
        self.rates: list[list[float]] = []
        optimizer.register_step_pre_hook(self._note)
        return optimizer

    def _note(self, optimizer, args, kwargs):
        self.rates.append([group["lr"] for group in optimizer.param_groups])


class Cosine(TwoGroups):
    """Down to a hundredth of the first rate over the whole training."""

    def lr_scheduler(self, optimizer, context):
        self.told = (context.num_steps, context.steps_per_epoch)
        floor = optimizer.param_groups[0]["lr"] / 100
        return schedulers.CosineAnnealingLR(optimizer, context.num_steps, eta_min=floor)


class OneCycle(TwoGroups):
    """A highest rate of its own, whatever the optimizer's."""

    def lr_scheduler(self, optimizer, context):
        return schedulers.OneCycleLR(optimizer, max_lr=0.1, total_steps=context.num_steps)


PASSES = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 2, "noise_steps": 3}


def weak(workload: TinyWorkload, group: Group, **values) -> RunData:
    """Two workers train with twice the batch, and by the linear rule twice the rate."""
    run = request(group.world_size, scaling="weak", measure=PASSES, **{"epochs": 2, **values})
    return train(run, workload, group)


def test_groups_of_an_own_optimizer_keep_their_ratio_and_are_recorded():
    workload = TwoGroups()
    run = weak(workload, alone()).run
    assert run.optimizer == "AdamW"
    assert run.last_lrs == pytest.approx((0.1, 0.1, 0.01))
    plain = train(request(epochs=1), TinyWorkload(), alone()).run
    assert (plain.optimizer, plain.last_lrs) == ("SGD", (0.1,))


def test_an_own_schedule_is_stepped_once_an_optimizer_step():
    workload = Cosine()
    data = weak(workload, alone(), accumulate_steps=4)  # 5 steps an epoch
    assert workload.told == (10, 5)
    wanted = [0.001 + 0.099 * (1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]
    assert [rates[0] for rates in workload.rates[:10]] == pytest.approx(wanted)
    assert [epoch.lr for epoch in data.epochs] == pytest.approx([wanted[4], wanted[9]])
    # Steps of the passes after training change no rate.
    assert data.run.last_lrs[0] == pytest.approx(wanted[9])


def test_the_rule_scales_every_group_of_an_own_schedule(tmp_path):
    def job(group: Group):
        workload = Cosine(num_samples=240)
        weak(workload, group, steps=10, epochs=None)
        return workload.rates[:10]

    single, double = job(alone()), run_ranks(job, 2, tmp_path)[0]
    for once, twice in zip(single, double, strict=True):
        assert twice[0] == pytest.approx(2 * once[0])
        assert twice[1] == pytest.approx(2 * once[1])
    assert double[0][2] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("rule", "is_refused"), [("linear", True), ("sqrt", True), ("none", False)]
)
def test_a_schedule_that_cannot_be_scaled_is_refused(tmp_path, rule, is_refused):
    def job(group: Group) -> str:
        try:
            data = weak(OneCycle(), group, lr_rules=[rule])
        except TrainingError as err:
            return str(err)
        return f"trained at {max(epoch.lr for epoch in data.epochs):g}"

    words = run_ranks(job, 2, tmp_path)
    assert words[0] == words[1]
    if is_refused:
        assert f"The learning-rate rule {rule} asks for rates x" in words[0]
        assert "take lr_rules=none" in words[0]
    else:
        assert words[0].startswith("trained")


def test_without_growth_any_schedule_is_taken():
    assert weak(OneCycle(), alone()).run.status == "ok"


class Plateau(TinyWorkload):
    def lr_scheduler(self, optimizer, context):
        return schedulers.ReduceLROnPlateau(optimizer)


class Nothing(TinyWorkload):
    def lr_scheduler(self, optimizer, context):
        return None


class NoOptimizer(TinyWorkload):
    def optimizer(self, module, lr):
        return list(module.parameters())


@pytest.mark.parametrize(
    ("workload", "values", "message"),
    [
        (Plateau(), {}, "without a metric, got ReduceLROnPlateau"),
        (Nothing(), {}, "LRScheduler .* got NoneType"),
        (Cosine(), {"optimizer": {"warmup_epochs": 1}}, "leave out optimizer.warmup_epochs"),
        (NoOptimizer(), {}, r"must return a torch.optim.Optimizer, got 4 values"),
    ],
)
def test_what_is_no_schedule_is_told(workload, values, message):
    with pytest.raises(TrainingError, match=message):
        weak(workload, alone(), **values)
