"""A moving average of the weights, for evaluations (Polyak and Juditsky 1992, SIAM 30(4)).

Its half-life is in samples: so it averages over the same part of a run at every world size. Batch
statistics stay those of the training.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import final

import torch


@final
class WeightAverage:
    """Starts at the weights as they are.

    Args:
        module: Unwrapped.
        half_life_samples: After so many samples a step has half its weight.
    """

    def __init__(self, module: torch.nn.Module, half_life_samples: float) -> None:
        self._weights: list[torch.Tensor] = [
            weight for weight in module.parameters() if weight.requires_grad
        ]
        self._half_life = half_life_samples
        self.mean = [weight.detach().clone() for weight in self._weights]

    @torch.no_grad()
    def update(self, num_samples: int) -> None:
        """Take the weights in after a step of so many samples of all ranks."""
        share = 1 - 0.5 ** (num_samples / self._half_life)
        torch._foreach_lerp_(self.mean, self._weights, share)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the module have the averages, for as long as the block runs."""
        kept = [weight.detach().clone() for weight in self._weights]
        self._copy(self.mean)
        try:
            yield
        finally:
            self._copy(kept)

    @torch.no_grad()
    def _copy(self, values: list[torch.Tensor]) -> None:
        torch._foreach_copy_(self._weights, values)
