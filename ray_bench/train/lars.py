"""LARS: SGD with momentum whose rate is scaled by a layer's norms of weights and gradient.

You, Gitman and Ginsburg 2017, Large Batch Training of Convolutional Networks, arXiv 1708.03888,
algorithm 1. torch has none, and the libraries that do bring far more with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import torch


@final
class Lars(torch.optim.Optimizer):
    """Parameter groups with `is_adapted=False` have no trust ratio: they are SGD with momentum.

    Args:
        params: Parameters, or groups of them.
        lr: Global rate.
        momentum: Of SGD.
        weight_decay: L2 penalty, part of the ratio.
        trust: The paper's eta.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
        trust: float,
    ) -> None:
        values = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust}
        super().__init__(params, {**values, "is_adapted": True})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make a step; a closure is not supported."""
        assert closure is None, "the gradients are there already"
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)

    def _update(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        change = weight.grad.add(weight, alpha=group["weight_decay"])  # type: ignore[union-attr]
        if group["is_adapted"]:
            change.mul_(_ratio(weight, group))
        change.mul_(group["lr"])
        velocity = self.state[weight].setdefault("momentum_buffer", torch.zeros_like(weight))
        velocity.mul_(group["momentum"]).add_(change)
        weight.sub_(velocity)


def _ratio(weight: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Return eta |w| / (|g| + decay |w|), 1 where a norm is 0; without waiting for the device."""
    size = torch.linalg.vector_norm(weight)
    slope = torch.linalg.vector_norm(weight.grad)
    ratio = group["trust"] * size / (slope + group["weight_decay"] * size)
    return torch.where((size > 0) & (slope > 0), ratio, torch.ones_like(ratio))
