"""The noise of the gradient while training: known where it is known, and what AdaScale does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ray_bench.train.grad_watch import moments
from ray_bench.train.group import Group
from ray_bench.workloads.base import ShardedBatches
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, losses, request, train

WATCHED = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 0, "sync_pairs": 0, "noise_steps": 0}
WATCHED["noise_curve"] = True


class Quadratic:
    """A loss whose gradient is known: mean of |w - x|^2 / 2, x ~ N(0, s^2 I) of d entries.

    The gradient of a sample is w - x: tr(Sigma) = d s^2, |G|^2 = |w|^2, and at a rate of nearly 0
    w stays. The planted noise scale is d s^2 / |w|^2 = 8 x 4 / (8 x 0.25) = 16 samples.
    """

    width, spread_sq, distance_sq = 8, 4.0, 2.0
    noise_scale = width * spread_sq / distance_sq

    def build(self, context):
        generator = torch.Generator().manual_seed(5)
        inputs = torch.randn(6_464, self.width, generator=generator) * self.spread_sq**0.5
        inputs -= inputs.mean(0)
        inputs *= (self.spread_sq / inputs.var(0)).sqrt()
        module = Shift(self.width, (self.distance_sq / self.width) ** 0.5)
        return module, ShardedBatches(inputs, torch.zeros(len(inputs)), context), half_square


class Shift(torch.nn.Module):
    def __init__(self, width: int, value: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((width,), value))

    def forward(self, inputs):
        return self.weight - inputs


def half_square(outputs, targets):
    return outputs.square().sum(1).mean() / 2


def scale_of(world_size: int, **values):
    def job(group: Group):
        asked = {"batch_size": 64, "epochs": 1, "lr": 1e-12, "measure": WATCHED, **values}
        (epoch,) = train(request(group.world_size, **asked), Quadratic(), group).epochs
        return epoch.grad_variance / epoch.grad_mean_sq, epoch.grad_variance, epoch.num_steps

    return job


@pytest.mark.parametrize(
    ("world_size", "values"),
    [(2, {}), (4, {}), (8, {}), (1, {"accumulate_steps": 2}), (2, {"accumulate_steps": 4})],
)
def test_the_noise_scale_of_a_known_problem_within_a_tenth_over_100_steps(
    tmp_path, world_size, values
):
    job = scale_of(world_size, **values)
    found = [job(alone())] if world_size == 1 else run_ranks(job, world_size, tmp_path)
    assert len(set(found)) == 1  # all ranks agree
    scale, variance, steps = found[0]
    assert steps == 101  # the first one is left out
    assert scale == pytest.approx(Quadratic.noise_scale, rel=0.1)
    assert variance == pytest.approx(Quadratic.width * Quadratic.spread_sq, rel=0.1)


def test_the_estimates_are_unbiased():
    rng = np.random.default_rng(1)
    gradients = 0.5 + rng.standard_normal((20_000, 4, 3))  # |G|^2 = 0.75, tr(Sigma) = 3 b
    small = (gradients**2).sum(2).mean()
    large = (gradients.mean(1) ** 2).sum(1).mean()
    found = moments(small, large, 16, 64)
    assert found.mean_sq == pytest.approx(0.75, rel=0.02)
    assert found.variance == pytest.approx(3 * 16, rel=0.02)


def test_watching_changes_nothing_and_one_worker_alone_knows_nothing():
    plain = train(request(epochs=2), TinyWorkload(), alone())
    watched = train(request(epochs=2, measure=WATCHED), TinyWorkload(), alone())
    assert losses(watched) == losses(plain)
    assert [epoch.grad_variance for epoch in watched.epochs] == [None, None]


def test_watching_leaves_what_ranks_train_as_it_is(tmp_path):
    def job(group: Group, **measure):
        values = {"batch_size": 24, "epochs": 2, "accumulate_steps": 2}
        measure = {**WATCHED, **measure}
        data = train(request(group.world_size, **values, measure=measure), TinyWorkload(), group)
        return losses(data), [epoch.grad_variance for epoch in data.epochs]

    found = run_ranks(lambda group: (job(group), job(group, noise_curve=False)), 2, tmp_path)
    for watched, plain in found:
        assert watched[0] == plain[0]
        assert all(variance > 0 for variance in watched[1])


def test_adascale_gains_what_the_noise_allows(tmp_path):
    """At a noise scale of 16 and batches of 16 and 64: r = (2 + 2) / (2 / 4 + 2) = 1.6."""

    def job(group: Group):
        values = {"batch_size": 16, "scaling": "weak", "lr_rules": ["adascale"], "epochs": 1}
        values["measure"] = {**WATCHED, "noise_curve": False}
        data = train(request(4, lr=1e-12, **values), Quadratic(), group)
        return [block.applied_lr for block in data.blocks if block.rank == group.rank]

    rates = run_ranks(job, 4, tmp_path)
    assert rates[0] == rates[1]
    gains = np.array(rates[0]) / 1e-12
    assert 1 <= gains.min() <= gains.max() <= 4
    assert gains[-1] == pytest.approx(1.6, rel=0.1)
