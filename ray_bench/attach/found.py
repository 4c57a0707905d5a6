"""What a script trains with, as it is found after its first update."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.nn.parallel import DistributedDataParallel

from ray_bench.records import Strategy

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
    num_params: int | None  # that the optimizer changes; of FSDP1 this rank's share of them
    grad_bytes: int | None  # of their gradients; None where they are sharded
    device: str
    dtype: str | None
    autocast: str | None  # the type that was entered last before the first update; None: none
    is_compiled: bool
    ddp_bucket_cap_mb: float | None  # None without DDP
    has_comm_hook: bool  # one of the script's own on DDP


def facts_of(optimizer: Any, autocast: torch.dtype | None = None) -> Facts:
    """Look at the optimizer that made an update, and once at every module there is."""
    parameters = _parameters(optimizer)
    first = parameters[0] if parameters else None
    device = first.device if first is not None else _default_device()
    modules = [x for x in gc.get_objects() if issubclass(type(x), torch.nn.Module)]
    strategy = _strategy(modules)
    return Facts(
        strategy=strategy,
        optimizer=None if optimizer is None else type(optimizer).__name__,
        num_params=sum(x.numel() for x in parameters) or None,
        grad_bytes=None if strategy in ("fsdp1", "fsdp2") else _num_bytes(parameters),
        device=str(device),
        dtype=None if first is None else str(first.dtype).removeprefix("torch."),
        autocast=None if autocast is None else str(autocast).removeprefix("torch."),
        is_compiled=any(map(_is_compiled, modules)),
        ddp_bucket_cap_mb=_bucket_cap_mb(modules),
        has_comm_hook=any(getattr(x, "_comm_hooks", ()) for x in _ddp(modules)),
    )


def _parameters(optimizer: Any) -> list[torch.Tensor]:
    groups = [] if optimizer is None else optimizer.param_groups
    return [x for group in groups for x in group["params"] if x.requires_grad]


def _num_bytes(parameters: list[torch.Tensor]) -> int | None:
    return sum(x.numel() * x.element_size() for x in parameters) or None


def _strategy(modules: list[Any]) -> Strategy:
    for kind, name in _STRATEGIES:
        if any(issubclass(type(x), kind) for x in modules):
            return name
    return "none" if modules else "unknown"


def _is_compiled(module: Any) -> bool:
    is_wrapped = type(module).__name__ == "OptimizedModule"
    return is_wrapped or vars(module).get("_compiled_call_impl") is not None


def _bucket_cap_mb(modules: list[Any]) -> float | None:
    found = _ddp(modules)
    size = getattr(found[0], "bucket_bytes_cap", None) if found else None
    return None if size is None else float(size) / 2**20


def _ddp(modules: list[Any]) -> list[Any]:
    return [x for x in modules if issubclass(type(x), DistributedDataParallel)]


def _default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
