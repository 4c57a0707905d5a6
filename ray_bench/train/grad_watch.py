"""The noise of the gradient while training: small batches against the whole one, in every step.

With g_b the mean gradient over b samples, |G|^2 = (B |g_B|^2 - b |g_b|^2) / (B - b) and
tr(Sigma) = (|g_b|^2 - |g_B|^2) / (1/b - 1/B) are unbiased (McCandlish et al. 2018,
arXiv:1812.06162, appendix A.1). The small batch is a rank's share, before the gradients are
reduced; with one rank it is the first micro-batch. One step tells little: sums over many are
divided.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch

from ray_bench.errors import TrainingError
from ray_bench.measure.phases import Hook
from ray_bench.records import Point, known
from ray_bench.train.group import Group
from ray_bench.train.shares import Share


@dataclass(frozen=True, slots=True)
class GradMoments:
    """Estimates; either may be below 0 by chance."""

    mean_sq: float  # |G|^2
    variance: float  # tr(Sigma), of one sample's gradient


def moments(small_sq: float, large_sq: float, small: int, large: int) -> GradMoments:
    """Return |G|^2 and tr(Sigma) from squared norms of mean gradients.

    Args:
        small_sq: Mean of |g_b|^2.
        large_sq: |g_B|^2.
        small: b, samples.
        large: B, samples, above b.
    """
    return GradMoments(
        mean_sq=(large * large_sq - small * small_sq) / (large - small),
        variance=(small_sq - large_sq) / (1 / small - 1 / large),
    )


@final
class GradWatch:
    """Adds up squared norms on the device, without waiting for it.

    Only whole batches count, of which all ranks have equal shares. The first step is left out: a
    DDP with a static graph reduces every micro-batch in it.

    Args:
        group: The ranks.
        point: Of a run with several ranks or several micro-batches.
    """

    def __init__(self, group: Group, point: Point) -> None:
        self._group = group
        self._by_rank = group.world_size > 1
        self.small = known(point.local_batch_size) if self._by_rank else point.micro_batch_size
        self.large = known(point.global_batch_size)
        self._sums = torch.zeros(3, dtype=torch.float64, device=group.device)
        self._small_sq = self._zero()
        self._steps = 0
        self._counts = False
        self.last: torch.Tensor | None = None  # (|g_b|^2 of this rank, |g_B|^2), latest whole step

    def watching(self, hook: Hook) -> Hook:
        """Return a hook that notes this rank's gradients before another hook reduces them."""

        def watched(state, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations
            if self._counts:
                self._small_sq += _square([bucket.buffer()])
            return hook(state, bucket)

        return watched

    def begin(self, share: Share) -> None:
        """A step begins."""
        self._counts = share.is_whole and share.weight == 1 and self._steps > 0
        self._steps += 1
        self._small_sq = self._zero()

    def first_part(self, module: torch.nn.Module) -> None:
        """The gradients of the first micro-batch are there, weighted as its part of the step."""
        if self._counts and not self._by_rank:
            weight = self.small / self.large
            self._small_sq = _square(_gradients(module)) / weight**2

    def reduced(self, module: torch.nn.Module) -> None:
        """The gradients of the whole batch are there."""
        self.last = None
        if self._counts:
            self.last = torch.stack([self._small_sq, _square(_gradients(module))])
            self._sums[:2] += self.last
            self._sums[2] += 1

    def taken(self) -> GradMoments | None:
        """Return what the steps since the last call say; all ranks call it together.

        None without a whole step, and where a gradient was not finite.
        """
        sums, self._sums = self._sums, torch.zeros_like(self._sums)
        small_sq, large_sq, steps = (self._group.sum(sums) / self._group.world_size).tolist()
        if steps < 1 or not math.isfinite(small_sq + large_sq):
            return None
        return moments(small_sq / steps, large_sq / steps, self.small, self.large)

    def of_last_step(self) -> GradMoments | None:
        """Return what the latest step says; all ranks call it together, after every step."""
        if self.last is None:
            return None
        small_sq, large_sq = (self._group.sum(self.last) / self._group.world_size).tolist()
        return moments(small_sq, large_sq, self.small, self.large)

    def _zero(self) -> torch.Tensor:
        return torch.zeros((), dtype=torch.float64, device=self._group.device)


def can_watch(group: Group, point: Point) -> bool:
    """Tell whether a step has batches of two sizes."""
    return group.world_size > 1 or point.num_micro_batches > 1


def grad_watch(group: Group, point: Point, *, is_needed: bool) -> GradWatch | None:
    """Return what watches the gradients; None where there is nothing to compare.

    Raises:
        TrainingError: It is needed.
    """
    if can_watch(group, point):
        return GradWatch(group, point)
    if is_needed:
        raise TrainingError(
            f"The rule {point.lr_rule} compares gradients of parts of a batch, and 1 worker with "
            "one micro-batch has only one; set accumulate_steps=2, or leave world size 1 out."
        )
    return None


def _gradients(module: torch.nn.Module) -> list[torch.Tensor]:
    return [x.grad for x in module.parameters() if x.grad is not None]


def _square(gradients: list[torch.Tensor]) -> torch.Tensor:
    dense: list[Any] = [x.to_dense() if x.is_sparse else x for x in gradients]
    norms = torch._foreach_norm(dense)
    return torch.stack([norm.double() for norm in norms]).square().sum()
