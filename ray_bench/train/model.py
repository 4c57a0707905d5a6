"""From a built workload to what is trained: device, DDP, optimizer."""

from __future__ import annotations

import contextlib
import inspect
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from ray_bench.config.schema import DdpConfig, OptimizerConfig
from ray_bench.records import Precision
from ray_bench.train.group import Group


def ddp_arguments(config: DdpConfig) -> dict[str, Any]:
    """Return DDP's arguments; buffers are averaged before an evaluation, not in every step."""
    known = inspect.signature(DistributedDataParallel.__init__).parameters
    no_sync_buffers = (
        "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    )
    return {
        "bucket_cap_mb": config.bucket_cap_mb,
        "gradient_as_bucket_view": config.gradient_as_bucket_view,
        "static_graph": config.static_graph,
        no_sync_buffers: False,
    }


def wrap(module: torch.nn.Module, config: DdpConfig, group: Group) -> DistributedDataParallel:
    """Return the module in DDP."""
    device_ids = [group.device] if group.device.type == "cuda" else None
    return DistributedDataParallel(
        module,
        device_ids=device_ids,
        process_group=group.process_group,
        **ddp_arguments(config),
    )


def make_optimizer(
    workload: Any, module: torch.nn.Module, lr: float, config: OptimizerConfig
) -> torch.optim.Optimizer:
    """Return the workload's own optimizer, or SGD.

    Fused: one kernel for all parameters. Torch's default on CPU is a Python loop over them, eight
    times slower for a ResNet-18.
    """
    own = getattr(workload, "optimizer", None)
    if own is not None:
        optimizer: torch.optim.Optimizer = own(module, lr)
        return optimizer
    return torch.optim.SGD(
        module.parameters(),
        lr=lr,
        momentum=config.momentum or 0.0,
        weight_decay=config.weight_decay or 0.0,
        fused=True,
    )


def autocast(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the context of a forward pass."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def average_buffers(module: torch.nn.Module, group: Group) -> None:
    """Give all ranks the mean of their floating-point buffers (batch statistics), in place."""
    if group.world_size == 1:
        return
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.copy_(group.sum(buffer.clone()) / group.world_size)
