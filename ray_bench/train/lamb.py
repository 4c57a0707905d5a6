"""LAMB: AdamW whose step has a layer's norm of weights.

You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, arXiv
1904.00962, algorithm 2, with phi(z) = z. torch has none, and the libraries that do bring far more
with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import torch

from ray_bench.train.layerwise import Layerwise, trust_ratio


@final
class Lamb(Layerwise):
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
            change.mul_(trust_ratio(weight, change))
        weight.sub_(change.mul_(group["lr"]))
