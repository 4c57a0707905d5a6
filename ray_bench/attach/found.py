"""What a script trains with, as it is found after its first update."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.nn.parallel import DistributedDataParallel

Strategy = Literal["ddp", "fsdp1", "fsdp2", "none", "unknown"]
_STRATEGIES: tuple[tuple[type[Any], Strategy], ...] = (
    (DistributedDataParallel, "ddp"),
    (FullyShardedDataParallel, "fsdp1"),
    (FSDPModule, "fsdp2"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one rank."""

    strategy: Strategy
    optimizer: str | None  # its class; None where the script counts steps itself
    num_params: int | None  # that the optimizer changes, on this rank
    device: str
    dtype: str | None
    is_autocast: bool  # at the first update, outside of most scripts' autocast
    is_compiled: bool


def facts_of(optimizer: Any) -> Facts:
    """Look at the optimizer that made an update, and once at every module there is."""
    parameters = _parameters(optimizer)
    first = parameters[0] if parameters else None
    device = first.device if first is not None else _default_device()
    modules = [x for x in gc.get_objects() if issubclass(type(x), torch.nn.Module)]
    return Facts(
        strategy=_strategy(modules),
        optimizer=None if optimizer is None else type(optimizer).__name__,
        num_params=sum(x.numel() for x in parameters) or None,
        device=str(device),
        dtype=None if first is None else str(first.dtype).removeprefix("torch."),
        is_autocast=torch.is_autocast_enabled(device.type),
        is_compiled=any(type(x).__name__ == "OptimizedModule" for x in modules),
    )


def _parameters(optimizer: Any) -> list[torch.Tensor]:
    groups = [] if optimizer is None else optimizer.param_groups
    return [x for group in groups for x in group["params"] if x.requires_grad]


def _strategy(modules: list[Any]) -> Strategy:
    for kind, name in _STRATEGIES:
        if any(issubclass(type(x), kind) for x in modules):
            return name
    return "none" if modules else "unknown"


def _default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
