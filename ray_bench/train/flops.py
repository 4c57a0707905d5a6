"""Floating-point operations of one sample, counted by torch."""

from __future__ import annotations

from typing import Any

import torch

from ray_bench.records import known
from ray_bench.train.loop import Loop
from ray_bench.train.model import autocast, eagerly
from ray_bench.train.shares import Share, shares
from ray_bench.workloads.contents import to_device


def flops_per_sample(loop: Loop) -> float | None:
    """Return the operations of forward and backward of one sample on this rank.

    Matrix products, convolutions and attention are counted, a multiplication and an addition as
    two. The count is over this rank's first share, or one of its parts, so that batch statistics
    have a batch; all ranks count, because a module may talk to the others. Weights, gradients and
    buffers stay as they are.

    None where nothing was counted (no such operation, or one that torch has no formula for) and
    where the module does not run under the counter: a number that is nice to have must not cost a
    run that is measured.
    """
    from torch.utils.flop_counter import FlopCounterMode  # it imports triton

    share = loop.stepper.one_part(next(shares(loop.batches, 0, loop.group)))
    loop.module.train()
    try:
        with eagerly(loop.point.compile), FlopCounterMode(display=False) as counter:
            _forward_backward(loop, share)
    except (RuntimeError, TypeError, ValueError, AssertionError):
        return None
    return counter.get_total_flops() / share.num_samples or None


def _forward_backward(loop: Loop, share: Share) -> None:
    batch = to_device(share.batch, loop.group.device)
    args, keywords, targets = loop.stepper.reader.arguments(batch)
    with autocast(known(loop.point.precision), loop.group.device):
        # Buffers of its own, and gradients that are returned instead of being added up.
        outputs: Any = torch.func.functional_call(
            loop.module, _buffers(loop.module), args, dict(keywords)
        )
        loss = loop.stepper.loss_fn(outputs, targets)
    weights = [weight for weight in loop.module.parameters() if weight.requires_grad]
    torch.autograd.grad(loss, weights, allow_unused=True)


def _buffers(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}
