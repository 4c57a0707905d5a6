"""What cannot be trained as it was asked for, refused before anything starts."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.records import BatchNorm, Point
from ray_bench.train.group import Group


def check_module(
    module: torch.nn.Module,
    point: Point,
    config: SweepConfig,
    group: Group,
    *,
    has_own_optimizer: bool = False,
) -> None:
    """Refuse a module that this run, or another one of its sweep, cannot train.

    Raises:
        TrainingError: Says what to change.
    """
    if not any(weight.requires_grad for weight in module.parameters()):
        raise TrainingError(
            "The module has no parameter that requires a gradient; there is nothing to train."
        )
    _check_batch_norm(module, config, group)
    if has_sparse_gradients(module):
        _check_sparse(point, config, group, has_own_optimizer)


def has_sparse_gradients(module: torch.nn.Module) -> bool:
    """Tell whether a table of embeddings has sparse gradients."""
    tables = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    return any(isinstance(part, tables) and part.sparse for part in module.modules())


def _check_batch_norm(module: torch.nn.Module, config: SweepConfig, group: Group) -> None:
    is_shared = max(config.world_sizes) > 1 or config.ddp.at_world_size_one
    if group.device.type != "cpu" or not is_shared:
        return
    names = [
        name for name, part in module.named_modules() if isinstance(part, torch.nn.SyncBatchNorm)
    ]
    if names:
        raise TrainingError(
            f"The module has SyncBatchNorm ({names[0] or 'itself'}), which works on GPUs alone, "
            "and the ranks are on CPUs; use BatchNorm, convert it only where "
            "context.device.type is 'cuda', or take use_gpu=true."
        )


def check_smoothing(workload: Any, config: SweepConfig) -> None:
    """Refuse label smoothing for a workload that does not say that it does it.

    Raises:
        TrainingError: Says what to change.
    """
    if config.label_smoothing and not getattr(workload, "takes_label_smoothing", False):
        raise TrainingError(
            "The workload does not smooth labels: leave out label_smoothing, or use "
            "context.label_smoothing in its loss and set takes_label_smoothing = True."
        )


def with_batch_norm(module: torch.nn.Module, config: SweepConfig, group: Group) -> torch.nn.Module:
    """Return the module with the batch statistics that are asked for.

    Raises:
        TrainingError: Synchronised ones on CPUs, where torch has none.
    """
    if config.batch_norm == "per_worker" or batch_norm_of(module) is None:
        return module
    if group.device.type == "cpu":
        raise TrainingError(
            "batch_norm=synchronised works on GPUs alone, and the ranks are on CPUs; take "
            "batch_norm=per_worker, or use_gpu=true."
        )
    synchronised: torch.nn.Module = torch.nn.SyncBatchNorm.convert_sync_batchnorm(  # type: ignore[no-untyped-call]
        module, group.process_group
    )
    return synchronised


def batch_norm_of(module: torch.nn.Module) -> BatchNorm | None:
    """Return whose batch statistics a module normalises with; None where it does not."""
    parts = list(module.modules())
    if any(isinstance(part, torch.nn.SyncBatchNorm) for part in parts):
        return "synchronised"
    norms = torch.nn.modules.batchnorm._BatchNorm
    return "per_worker" if any(isinstance(part, norms) for part in parts) else None


def _check_sparse(point: Point, config: SweepConfig, group: Group, has_own_optimizer: bool) -> None:
    """Sparse gradients: gloo adds them up, NCCL does not, and neither bf16 nor decay knows them."""
    what = "The module has sparse gradients (Embedding with sparse=True), which "
    if config.optimizer.weight_decay and not has_own_optimizer:
        raise TrainingError(
            f"{what}weight decay cannot be added to; set optimizer.weight_decay=0, or leave out "
            "sparse=True."
        )
    if "bf16" in config.ddp.compression and max(config.world_sizes) > 1:
        raise TrainingError(
            f"{what}cannot be sent as bf16; set ddp.compression=none, or leave out sparse=True."
        )
    if point.is_ddp and dist.is_initialized() and "nccl" in dist.get_backend(group.process_group):
        raise TrainingError(
            f"{what}NCCL does not reduce; leave out sparse=True, or take use_gpu=false."
        )
