"""What cannot be trained as it was asked for, refused before anything starts."""

from __future__ import annotations

import torch
import torch.distributed as dist

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import TrainingError
from ray_bench.records import Point
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
