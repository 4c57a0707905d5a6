"""LARS: SGD with momentum whose rate is scaled by a layer's norms of weights and gradient.

You, Gitman and Ginsburg 2017, Large Batch Training of Convolutional Networks, arXiv 1708.03888,
algorithm 1. torch has none, and the libraries that do bring far more with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

import torch

from ray_bench.train.layerwise import Layerwise, trust_ratio


@final
class Lars(Layerwise):
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

    def _update(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        assert weight.grad is not None
        change = weight.grad.add(weight, alpha=group["weight_decay"])
        if group["is_adapted"]:
            decay = group["weight_decay"]
            change.mul_(trust_ratio(weight, weight.grad, trust=group["trust"], decay=decay))
        change.mul_(group["lr"])
        velocity = self.state[weight].setdefault("momentum_buffer", torch.zeros_like(weight))
        velocity.mul_(group["momentum"]).add_(change)
        weight.sub_(velocity)
