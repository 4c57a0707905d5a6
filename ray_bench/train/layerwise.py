"""What optimizers share whose step has a layer's norm: LARS and LAMB."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch


class Layerwise(torch.optim.Optimizer):
    """An optimizer that changes one weight after the other, each by itself."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make a step; a closure is not supported."""
        assert closure is None, "the gradients are there already"
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)

    @abstractmethod
    def _update(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        """Change a weight that has a gradient."""


def trust_ratio(
    weight: torch.Tensor, change: torch.Tensor, *, trust: float = 1.0, decay: float = 0.0
) -> torch.Tensor:
    """Return trust |w| / (|change| + decay |w|), 1 where a norm is 0; its shape is ().

    Nothing here waits for the device.
    """
    size, length = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(change)
    ratio = trust * size / (length + decay * size)
    return torch.where((size > 0) & (length > 0), ratio, torch.ones_like(ratio))
