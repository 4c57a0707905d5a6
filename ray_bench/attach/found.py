"""What a script trains with, as it is found after its first update."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.nn.parallel import DistributedDataParallel

from ray_bench.attach.engines import engine_in, num_elements, parameters_of, strategy_of
from ray_bench.measure.peaks import device_peak_flops_per_s
from ray_bench.records import Precision, Strategy

_STRATEGIES: tuple[tuple[type[Any], Strategy], ...] = (
    (DistributedDataParallel, "ddp"),
    (FullyShardedDataParallel, "fsdp1"),
    (FSDPModule, "fsdp2"),
)
#: Where a rank reduces a part of the gradients, or sends them in its own way.
_SHARDED = frozenset({"fsdp1", "fsdp2", "zero1", "zero2", "zero3"})
#: What a type of number is computed with. With float16 and float32 sums tensor cores are as fast as
#: with bfloat16, where they have both.
_PRECISIONS: Mapping[torch.dtype, Precision] = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.float16: "bf16",
}


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
    device_peak_flops_per_s: float | None  # in the type that is computed in


def facts_of(optimizer: Any, autocast: torch.dtype | None = None) -> Facts:
    """Look at the optimizer that made an update, and once at every module there is."""
    modules = [x for x in gc.get_objects() if issubclass(type(x), torch.nn.Module)]
    engine = engine_in(modules)
    parameters = _parameters(optimizer) if engine is None else parameters_of(engine)
    first = parameters[0] if parameters else None
    dtype = None if first is None else first.dtype
    device = first.device if first is not None else _default_device()
    strategy = _strategy(modules) if engine is None else strategy_of(engine)
    is_fsdp = strategy in ("fsdp1", "fsdp2")
    is_hidden = is_fsdp and autocast is None  # its policy may compute in another type
    optimizer = getattr(engine, "basic_optimizer", None) or optimizer  # not the one around it
    return Facts(
        strategy=strategy,
        optimizer=None if optimizer is None else type(optimizer).__name__,
        num_params=sum(map(num_elements, parameters)) or None,
        grad_bytes=None if strategy in _SHARDED else _num_bytes(parameters),
        device=str(device),
        dtype=_name(dtype),
        autocast=_name(autocast),
        is_compiled=any(map(_is_compiled, modules)),
        ddp_bucket_cap_mb=_bucket_cap_mb(modules),
        has_comm_hook=any(getattr(x, "_comm_hooks", ()) for x in _ddp(modules)),
        device_peak_flops_per_s=None if is_hidden else _peak(device, autocast or dtype, modules),
    )


def _name(dtype: torch.dtype | None) -> str | None:
    return None if dtype is None else str(dtype).removeprefix("torch.")


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


def _peak(device: torch.device, dtype: torch.dtype | None, modules: list[Any]) -> float | None:
    precision = None if dtype is None else _PRECISIONS.get(dtype)
    return None if precision is None else device_peak_flops_per_s(device, precision, modules)


def _default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
