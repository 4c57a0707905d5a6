"""LAMB: AdamW whose step has a layer's norm of weights.

You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, arXiv
1904.00962, algorithm 2, with phi(z) = z. torch has none, and the libraries that do bring far more
with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import torch


@final
class Lamb(torch.optim.Optimizer):
    """Parameter groups with `is_adapted=False` have no trust ratio: they are AdamW.

    Args:
        params: Parameters, or groups of them.
        lr: Rate.
        betas: Of the means of the gradient and of its square.
        eps: Added to the root of the second one.
        weight_decay: Decoupled, part of the step that the ratio scales.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
    ) -> None:
        values = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
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
        state, (beta1, beta2) = self.state[weight], group["betas"]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(weight.grad, 1 - beta1)
        square.mul_(beta2).addcmul_(weight.grad, weight.grad, value=1 - beta2)
        root = (square / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
        change = (mean / (1 - beta1 ** state["step"])).div_(root)
        change.add_(weight, alpha=group["weight_decay"])
        if group["is_adapted"]:
            change.mul_(_ratio(weight, change))
        weight.sub_(change.mul_(group["lr"]))


def _ratio(weight: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """Return |w| / |u|, 1 where a norm is 0; without waiting for the device."""
    size, length = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(change)
    ratio = size / length
    return torch.where((size > 0) & (length > 0), ratio, torch.ones_like(ratio))
