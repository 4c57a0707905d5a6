"""The gradient noise scale: found where it is known, else unknown, and nothing is changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_bench.analysis.noise_scale import noise_scale
from ray_bench.measure.clock import SystemClock
from ray_bench.records import RunData
from ray_bench.train import noise_scale as measured_noise
from ray_bench.train.group import Group
from ray_bench.train.noise_scale import by_step, grad_noise
from ray_bench.train.passes import without_ddp
from ray_bench.train.prepare import prepare
from ray_bench.workloads.base import ShardedBatches
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, losses, request, train

#: Entries of made-up gradients.
SIZE = 64


def planted_steps(rng, *, mean_sq, num_steps, num_ranks, batch=32, spread=None):
    """Jackknife values from Gaussian gradients with tr(Sigma) = 1."""
    spread = np.full(SIZE, 1 / SIZE) if spread is None else spread
    mean = rng.standard_normal(SIZE)
    mean *= np.sqrt(mean_sq) / np.linalg.norm(mean)
    noise = rng.standard_normal((num_steps, num_ranks, SIZE)) * np.sqrt(spread / batch)
    steps = (mean + noise).mean(axis=1)
    squares = ((mean + noise) ** 2).sum(axis=2).mean(axis=1)
    found = by_step(torch.tensor(steps @ steps.T), torch.tensor(squares), 1 / batch)
    return np.array([found.mean_sq, found.variance])


@pytest.mark.parametrize("num_ranks", [1, 2, 8])
@pytest.mark.parametrize("batch_over_scale", [0.2, 1.0, 4.0])
def test_planted_noise_is_found_without_bias_and_covered(num_ranks, batch_over_scale):
    """At tr(Sigma) = 1 the noise scale is 1 / |G|^2."""
    rng = np.random.default_rng(num_ranks)
    scale = 32 * num_ranks / batch_over_scale
    found = [
        planted_steps(rng, mean_sq=1 / scale, num_steps=16, num_ranks=num_ranks) for _ in range(400)
    ]
    means = np.array([steps.mean(axis=1) for steps in found])
    error = means.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(means.mean(axis=0) - [1 / scale, 1.0]) < 4 * error)
    intervals = [x for steps in found if (x := noise_scale([steps])) is not None]
    assert len(intervals) > 0.9 * len(found)
    assert np.mean([x.contains(scale) for x in intervals]) > 0.92


def test_several_runs_are_narrower_than_one_and_cover():
    rng = np.random.default_rng(3)
    one, four = [], []
    for _ in range(200):
        runs = [planted_steps(rng, mean_sq=0.02, num_steps=12, num_ranks=2) for _ in range(4)]
        one.append(noise_scale(runs[:1]))
        four.append(noise_scale(runs))
    widths = [np.median([np.log(x.high / x.low) for x in found]) for found in (one, four)]
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.2)
    assert np.mean([x.contains(50.0) for x in four]) > 0.92


def test_no_mean_gradient_no_noise_scale():
    """One direction has all the noise, so that |G|^2 is far from 0 by chance most often."""
    rng = np.random.default_rng(5)
    spread = np.eye(SIZE)[0]
    found = [
        noise_scale([planted_steps(rng, mean_sq=0, num_steps=16, num_ranks=2, spread=spread)])
        for _ in range(400)
    ]
    assert sum(x is not None for x in found) < 0.06 * len(found)


def test_no_noise_no_noise_scale():
    steps = np.array([[1.0, 1.1, 0.9, 1.0], [0.1, -0.1, 0.2, -0.2]])
    assert noise_scale([steps]) is None


def test_a_gradient_that_is_not_finite_is_unknown():
    assert by_step(torch.eye(4).double(), torch.tensor([1.0, 2.0, torch.nan, 1.0]), 0.1) is None


@pytest.mark.parametrize("length", [100, 2**16, 2**20 + 13])
def test_sketches_keep_dot_products(length):
    generator = torch.Generator().manual_seed(1)
    common = torch.randn(length, generator=generator)
    first, second = (common + torch.randn(length, generator=generator) for _ in range(2))
    wanted = float(first @ second / length)
    signs = measured_noise._signs(first)
    ours = [measured_noise._sketch(x.clone(), signs) for x in (first, second)]
    is_kept = length <= 2**16
    assert float(ours[0] @ ours[1]) / length == pytest.approx(wanted, rel=1e-5 if is_kept else 0.03)
    assert all(len(x) == min(length, 2**16) for x in ours)


class Regression:
    """Linear regression at a planted distance from the truth, which training does not change.

    With x ~ N(0, I) of d entries, label noise of variance s^2 and a distance D the gradient of one
    sample is 2 x (x . D - e), so |G|^2 = 4 |D|^2 and tr(Sigma) = 4 ((d + 1) |D|^2 + d s^2).
    """

    width, noise_sq, distance_sq = 8, 1.0, 0.25
    noise_scale = (width + 1) + width * noise_sq / distance_sq

    def build(self, context):
        generator = torch.Generator().manual_seed(11)
        inputs = torch.randn(2048, self.width, generator=generator)
        noise = torch.randn(2048, 1, generator=generator) * self.noise_sq**0.5
        module = torch.nn.Linear(self.width, 1, bias=False)
        truth = module.weight.detach() - (self.distance_sq / self.width) ** 0.5
        return module, ShardedBatches(inputs, inputs @ truth.T + noise, context), mse


def mse(outputs, targets):
    return torch.nn.functional.mse_loss(outputs, targets)


def regression(world_size: int, **measure) -> object:
    off = {"warmup_steps": 0, "warmup_s": 0, "phase_steps": 0, "sync_pairs": 0, "checkpoint": False}
    values = {**off, "noise_steps": 32, **measure}
    return request(world_size, steps=2, batch_size=64, lr=1e-9, measure=values)


def steps_of(data: RunData) -> np.ndarray:
    return np.array([data.run.grad_mean_sq_by_step, data.run.grad_variance_by_step])


@pytest.mark.parametrize("world_size", [1, 2])
def test_ranks_find_the_noise_of_a_regression(tmp_path, world_size):
    def job(group: Group) -> RunData:
        return train(regression(world_size), Regression(), group)

    found = [job(alone())] if world_size == 1 else run_ranks(job, world_size, tmp_path)
    steps = steps_of(found[0])
    assert steps.shape == (2, 32)
    assert all(np.array_equal(steps_of(data), steps) for data in found)
    estimate = noise_scale([steps])
    assert estimate.contains(Regression.noise_scale)
    assert estimate.high / estimate.low < 2
    mean_sq, variance = steps.mean(axis=1)
    assert mean_sq == pytest.approx(4 * Regression.distance_sq, rel=0.2)
    assert variance == pytest.approx(mean_sq * Regression.noise_scale, rel=0.3)


class Normed(TinyWorkload):
    def build(self, context):
        module, batches, loss_fn = super().build(context)
        return torch.nn.Sequential(torch.nn.BatchNorm1d(8), *module), batches, loss_fn


def test_the_pass_leaves_weights_and_buffers_alone_and_the_same_on_all_ranks(tmp_path):
    def job(group: Group) -> tuple[bool, list[float], object]:
        run = request(2, measure={"noise_steps": 3, "warmup_steps": 0, "warmup_s": 0}, epochs=1)
        loop, _ = prepare(run, Normed(num_samples=48), group, SystemClock(group.device))
        loop.run()
        loop = without_ddp(loop)
        before = {name: value.clone() for name, value in loop.module.state_dict().items()}
        found = grad_noise(loop)
        after = loop.module.state_dict()
        is_same = all(torch.equal(after[name], before[name]) for name in before)
        is_clear = all(weight.grad is None for weight in loop.module.parameters())
        weights = torch.cat([x.detach().flatten() for x in loop.module.parameters()])
        return is_same and is_clear, weights.tolist(), found

    first, second = run_ranks(job, 2, tmp_path)
    assert first[0]
    assert second[0]
    assert first[1] == second[1]
    assert first[2] == second[2]
    assert len(first[2].mean_sq) == 3


def test_the_training_is_the_same_with_and_without_it_and_other_passes_come_after():
    values = {"warmup_steps": 0, "warmup_s": 0, "sync_pairs": 0, "checkpoint": False}
    runs = [
        train(request(epochs=2, measure={**values, **more}), TinyWorkload(), alone())
        for more in (
            {"noise_steps": 0, "phase_steps": 0},
            {"noise_steps": 3, "phase_steps": 0},
            {"noise_steps": 3, "phase_steps": 4},
        )
    ]
    assert losses(runs[0]) == losses(runs[1]) == losses(runs[2])
    steps = [sum(block.num_steps for block in data.blocks) for data in runs]
    assert steps[0] == steps[1] == steps[2]
    assert runs[0].run.grad_mean_sq_by_step is None
    assert runs[0].run.grad_variance_by_step is None
    assert np.array_equal(steps_of(runs[1]), steps_of(runs[2]))


def test_what_trains_nothing_or_too_little_has_no_noise():
    run = request(epochs=1)
    emulated = TinyWorkload()
    emulated.is_emulated = True
    assert train(run, emulated, alone()).run.grad_mean_sq_by_step is None
    assert train(run, TinyWorkload(), alone()).run.grad_mean_sq_by_step is not None
    # Two batches in an epoch: none is left when one is left out.
    assert train(run, TinyWorkload(num_samples=24), alone()).run.grad_mean_sq_by_step is None
    ladder = replace(run, config=run.config.model_copy(update={"interleaved": True}))
    assert train(ladder, TinyWorkload(), alone()).run.grad_mean_sq_by_step is None
