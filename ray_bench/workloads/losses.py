"""A loss as people give it: of two arguments, of one, or in what the module returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ray_bench.errors import TrainingError
from ray_bench.workloads.calls import binds, signature_of


def as_loss(loss_fn: Callable[..., Any] | None) -> tuple[Callable[[Any, Any], Any], bool]:
    """Return a loss as a function of outputs and targets, and whether it looks at the targets.

    Args:
        loss_fn: Of outputs and targets, of outputs alone, or None: the module's outputs have it.

    Raises:
        TrainingError: It can be called with neither one nor two arguments.
    """
    if loss_fn is None:
        return lambda outputs, _: loss_of(outputs), False
    signature = signature_of(loss_fn)
    if signature is None or binds(signature, None, None):
        return loss_fn, True
    if binds(signature, None):
        return lambda outputs, _: loss_fn(outputs), False
    raise TrainingError(
        f"The workload's loss_fn{signature} must take (outputs, targets), or outputs alone."
    )


def loss_of(outputs: Any) -> Any:
    """Return the loss that a module's outputs have: `outputs.loss`, `outputs["loss"]`, or itself.

    Raises:
        TrainingError: There is none.
    """
    if isinstance(outputs, torch.Tensor):
        return outputs
    is_mapping = isinstance(outputs, Mapping)
    loss = outputs.get("loss") if is_mapping else getattr(outputs, "loss", None)
    if loss is None:
        raise TrainingError(
            f"The workload's `build` returned no loss_fn, and the module's outputs have no loss, "
            f"got {type(outputs).__name__}; give the batches what the module computes it from (in "
            "transformers `labels`), or return a loss_fn."
        )
    return loss
