"""Optimizers: against torch's own where they are one, against the paper's formula where not."""

from __future__ import annotations

import pytest
import torch

from ray_bench.errors import TrainingError
from ray_bench.train.ema import WeightAverage
from ray_bench.train.lamb import Lamb
from ray_bench.train.lars import Lars
from tests.fakes import TinyWorkload
from tests.train.test_loop import alone, losses, request, train


def weights_after(make, steps: int = 3) -> torch.Tensor:
    """A fixed sequence of gradients on four weights."""
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0, 0.0, 0.0]))
    optimizer = make(weight)
    for step in range(steps):
        weight.grad = torch.tensor([0.6, 0.0, 0.8, 0.1 * step])
        optimizer.step()
    return weight.detach()


def test_lars_is_the_papers_formula():
    """|w| = 5, |g| = 1: ratio 0.02 x 5 / (1 + 0.1 x 5); step = lr x ratio x (g + 0.1 w)."""
    found = weights_after(
        lambda w: Lars([w], lr=0.3, momentum=0.9, weight_decay=0.1, trust=0.02), steps=1
    )
    change = 0.3 * (0.1 / 1.5) * torch.tensor([0.6 + 0.3, 0.4, 0.8, 0.0])
    assert torch.allclose(found, torch.tensor([3.0, 4.0, 0.0, 0.0]) - change)


def test_lamb_is_the_papers_formula():
    """In the first step u is the sign of the gradient, and without decay |u| = sqrt(2)."""
    found = weights_after(
        lambda w: Lamb([w], lr=0.1, betas=(0.9, 0.99), eps=1e-12, weight_decay=0.0), steps=1
    )
    change = 0.1 * 5 / 2**0.5 * torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert torch.allclose(found, torch.tensor([3.0, 4.0, 0.0, 0.0]) - change, atol=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            lambda groups: Lars(groups, lr=0.1, momentum=0.9, weight_decay=0.01, trust=0.001),
            lambda w: torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01),
        ),
        (
            lambda groups: Lamb(groups, lr=0.1, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.1),
            lambda w: torch.optim.AdamW([w], lr=0.1, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.1),
        ),
    ],
)
def test_without_a_trust_ratio_they_are_torchs_own(ours, theirs):
    found = weights_after(lambda w: ours([{"params": [w], "is_adapted": False}]))
    assert torch.allclose(found, weights_after(theirs), atol=1e-6)


class Kept(TinyWorkload):
    def build(self, context):
        self.module, batches, loss_fn = super().build(context)
        return self.module, batches, loss_fn


@pytest.mark.parametrize("name", ["sgd", "adamw", "lars", "lamb"])
def test_every_optimizer_trains_and_is_recorded(name):
    optimizer = {"name": name, "decay_norms_and_biases": False, "weight_decay": 0.01, "trust": 0.1}
    data = train(request(epochs=4, lr=0.02, optimizer=optimizer), TinyWorkload(), alone())
    assert losses(data)[-1] < losses(data)[0]
    assert data.run.optimizer.lower() == name
    assert len(data.run.last_lrs) == 2  # what decays, and what does not
    rates = [block.applied_lr for block in data.blocks]
    assert rates[-1] == data.epochs[-1].lr == data.run.last_lrs[0]


class Own(TinyWorkload):
    def optimizer(self, module, lr):
        return torch.optim.SGD(module.parameters(), lr=lr)


class OwnSchedule(TinyWorkload):
    def lr_scheduler(self, optimizer, context):
        return torch.optim.lr_scheduler.ConstantLR(optimizer)


class Normed(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        norm = torch.nn.BatchNorm1d(16)
        return torch.nn.Sequential(module[0], norm, module[1], module[2]), batches, loss_fn


@pytest.mark.parametrize(
    ("workload", "values", "words"),
    [
        (Own(), {"optimizer": {"name": "adamw"}}, "optimizer.name does not change"),
        (Own(), {"optimizer": {"decay_norms_and_biases": False}}, "decay_norms_and_biases does"),
        (OwnSchedule(), {"schedule": {"name": "cosine"}}, "schedule.name of the configuration"),
        (TinyWorkload(), {"label_smoothing": 0.1}, "set takes_label_smoothing = True"),
        (Normed(), {"batch_norm": "synchronised"}, "works on GPUs alone.*batch_norm=per_worker"),
        (
            TinyWorkload(),
            {"lr_rules": ["adascale"], "scaling": "weak"},
            "1 worker with one micro-batch has only one; set accumulate_steps=2",
        ),
    ],
)
def test_what_would_do_nothing_is_refused(workload, values, words):
    with pytest.raises(TrainingError, match=words):
        train(request(epochs=1, **values), workload, alone())


def test_whose_batch_statistics_are_used_is_recorded():
    assert train(request(epochs=1), Normed(), alone()).run.batch_norm == "per_worker"
    assert train(request(epochs=1), TinyWorkload(), alone()).run.batch_norm is None


def test_an_average_of_weights_is_evaluated_and_leaves_the_training_alone():
    half_life = 100.0
    plain = train(request(epochs=3), TinyWorkload(), alone())
    values = {"ema_half_life_samples": half_life}
    averaged = train(request(epochs=3, optimizer=values), TinyWorkload(), alone())
    assert losses(averaged) == losses(plain)
    assert averaged.run.final_val_loss != plain.run.final_val_loss
    module = torch.nn.Linear(1, 1, bias=False)
    start = module.weight.item()
    average = WeightAverage(module, half_life)
    module.weight.data.fill_(start + 1)
    average.update(100)
    with average.in_place():
        assert module.weight.item() == pytest.approx(start + 0.5)
    assert module.weight.item() == pytest.approx(start + 1)
