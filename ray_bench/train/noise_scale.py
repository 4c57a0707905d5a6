"""The noise of the gradient, from the gradients of a few batches at the weights of the training.

With g_i the mean gradient over one rank's b samples of a step, G the gradient of the loss and Sigma
the covariance of one sample's gradient (McCandlish et al. 2018, arXiv:1812.06162, appendix A):

    E |g_i|^2 = |G|^2 + tr(Sigma) / b

No step is made, so the batches of all steps are independent draws at the same weights, and the dot
product of two steps' gradients has the mean |G|^2, whatever their size. All pairs of steps say far
more about |G|^2 than each step alone, and one rank is as good as several. Gradients are too large
to be kept: the dot products are those of sketches, of which the expectation is exact.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch

from ray_bench.train.loop import Loop
from ray_bench.train.model import buffers_kept, eagerly
from ray_bench.train.shares import Share, endless, whole

#: Numbers that stand for a gradient. The relative error of a dot product is sqrt(2 / size) of the
#: product of the norms, 0.6 %; shorter gradients are kept as they are.
_SKETCH_SIZE = 2**16
#: The signs have to be the same on all ranks and in all steps.
_SKETCH_SEED = 7
#: Two steps beside the one that is left out.
LEAST_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GradNoise:
    """Jackknife values, one a step, shape (num_steps,): their mean is the unbiased estimate."""

    mean_sq: tuple[float, ...]  # |G|^2
    variance: tuple[float, ...]  # tr(Sigma)


def grad_noise(loop: Loop) -> GradNoise | None:
    """Measure the noise of the gradient at the loop's weights; all ranks call it together.

    Whole batches of one epoch are taken, at most `measure.noise_steps`. The loop's module must not
    be in DDP (`passes.without_ddp`). Weights and buffers stay as they are.

    None where it says nothing: fewer than three batches, a gradient that is not finite, a ladder,
    whose turns are no training of their own, and an emulated device, which computes nothing.
    """
    if loop.config.interleaved or getattr(loop.workload, "is_emulated", False):
        return None
    epoch = itertools.islice(endless(loop.batches, loop.group), loop.steps_per_epoch)
    steps = itertools.islice(whole(epoch), loop.config.measure.noise_steps)
    loop.module.train()
    signs: torch.Tensor | None = None
    sketches: list[torch.Tensor] = []
    scalars: list[tuple[float, float]] = []
    with eagerly(loop.point.compile), buffers_kept(loop.module):
        for share in steps:
            gradient = _gradient(loop, share)
            scalars.append(_own_square(gradient, share))
            signs = _signs(gradient) if signs is None else signs
            sketches.append(_sketch(gradient, signs))
    if len(sketches) < LEAST_STEPS:
        return None
    num_ranks = loop.group.world_size
    means = loop.group.sum(torch.stack(sketches)).cpu().double() / num_ranks
    sums = loop.group.sum(torch.tensor(scalars, dtype=torch.float64)).cpu()
    squares, inverses = (sums / num_ranks).unbind(1)
    return by_step(means @ means.T, squares, float(inverses.mean()))


def by_step(
    products: torch.Tensor, squares: torch.Tensor, inverse_batch: float
) -> GradNoise | None:
    """Return the jackknife values of |G|^2 and tr(Sigma); None where one is not finite.

    Args:
        products: Dot products of the steps' mean gradients, shape (num_steps, num_steps).
        squares: |g_i|^2, mean over ranks, shape (num_steps,).
        inverse_batch: 1 / b, mean over ranks.
    """
    count = len(squares)
    others = products.sum(1) - products.diagonal()
    total = others.sum()
    mean_sq = total / (count - 1) - (total - 2 * others) / (count - 2)
    variance = (squares - mean_sq) / inverse_batch
    if not torch.isfinite(torch.cat([mean_sq, variance])).all():
        return None
    return GradNoise(mean_sq=tuple(mean_sq.tolist()), variance=tuple(variance.tolist()))


def _gradient(loop: Loop, share: Share) -> torch.Tensor:
    """Return this rank's part of the mean gradient over the ranks, flat, and clear it."""
    loop.module.zero_grad(set_to_none=True)
    loop.stepper.gradients(share)
    weights = [weight for weight in loop.module.parameters() if weight.requires_grad]
    parts = [torch.zeros_like(x) if x.grad is None else _dense(x.grad) for x in weights]
    gradient = torch.cat([part.flatten().float() for part in parts])
    loop.module.zero_grad(set_to_none=True)
    return gradient


def _dense(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


def _own_square(gradient: torch.Tensor, share: Share) -> tuple[float, float]:
    """Return (|g_i|^2 of the mean over this rank's samples, 1 / samples)."""
    if share.num_samples == 0:
        return math.nan, math.nan  # unknown on every rank, once added up
    norm = torch.linalg.vector_norm(gradient, dtype=torch.float64)
    return float(norm / share.weight) ** 2, 1 / share.num_samples


def _signs(gradient: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator(gradient.device).manual_seed(_SKETCH_SEED)
    bits = torch.randint(
        2, gradient.shape, dtype=torch.int8, device=gradient.device, generator=generator
    )
    return 2 * bits - 1


def _sketch(gradient: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """Return sums of entries with random signs: dot products keep their mean over the signs.

    As the count sketch of Charikar, Chen and Farach-Colton (2002, ICALP), with buckets at even
    distances. `gradient` is overwritten.
    """
    signed = gradient.mul_(signs)
    if len(signed) <= _SKETCH_SIZE:
        return signed
    padded = torch.nn.functional.pad(signed, (0, -len(signed) % _SKETCH_SIZE))
    return padded.view(-1, _SKETCH_SIZE).sum(0)
