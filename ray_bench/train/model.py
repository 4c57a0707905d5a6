"""From a built workload to what is trained: device and DDP."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

from ray_bench.config.groups import DdpConfig
from ray_bench.errors import TrainingError
from ray_bench.measure.phases import Hook
from ray_bench.records import CompileMode, Compression, Precision
from ray_bench.stats.buckets import DEFAULT_CAP_MB
from ray_bench.train.group import Group
from ray_bench.workloads.base import BuildContext

#: Arguments of DDP that are given only where they are not its own defaults: a torch that lacks one
#: does without.
_AS_DDP_HAS_IT = {
    "find_unused_parameters": False,
    "init_sync": True,
    "skip_all_reduce_unused_params": False,
    "batched_grad_copy": False,
    "lazy_bucket_allocation": False,
}


def ddp_arguments(config: DdpConfig, bucket_cap_mb: float) -> dict[str, Any]:
    """Return DDP's arguments; what is as DDP has it is left out.

    Raises:
        TrainingError: The installed torch does not know one.
    """
    known = inspect.signature(DistributedDataParallel.__init__).parameters
    sync_buffers = (
        "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    )
    # Given as a number, the first bucket would be as large as the others.
    cap = {} if bucket_cap_mb == DEFAULT_CAP_MB else {"bucket_cap_mb": bucket_cap_mb}
    asked = {name: getattr(config, name) for name in _AS_DDP_HAS_IT}
    others = {name: value for name, value in asked.items() if value != _AS_DDP_HAS_IT[name]}
    for name in others:
        if name not in known:
            raise TrainingError(
                f"torch {torch.__version__} has no argument {name} of DistributedDataParallel; "
                f"leave out ddp.{name}, or take a newer torch."
            )
    return {
        **cap,
        "gradient_as_bucket_view": config.gradient_as_bucket_view,
        "static_graph": config.has_static_graph,
        sync_buffers: config.broadcast_buffers,
        **others,
    }


def comm_hook(workload: Any, context: BuildContext) -> Hook | None:
    """Return the workload's own communication hook, or None when it has none."""
    make = getattr(workload, "comm_hook", None)
    return None if make is None else _as_function(make(context))


def mean_hook(group: Group) -> Hook:
    """Return a hook that does what DDP does without one: the mean over the group's ranks."""

    def mean(state, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations
        del state
        return default_hooks.allreduce_hook(group.process_group, bucket)

    return mean


def compressed(hook: Hook) -> Hook:
    """Return a hook that lets another one reduce a bucket as bf16: half the bytes, same range.

    As `bf16_compress_wrapper` of torch, but the sum goes back into the bucket's own fp32 memory.
    """

    def halved(state, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations
        full = bucket.buffer()
        bucket.set_buffer(full.to(torch.bfloat16))
        return hook(state, bucket).then(lambda future: full.copy_(future.value()))

    return halved


def sync_hook(
    workload: Any,
    context: BuildContext,
    group: Group,
    compression: Compression | None,
    stamped: Callable[[Hook], Hook] | None = None,
) -> Hook | None:
    """Return the hook that reduces gradients; None where DDP's own way is asked for.

    Args:
        workload: May have a hook of its own.
        context: For that one.
        group: The ranks.
        compression: bf16 halves what is sent.
        stamped: Puts an instrument around the reduction; it sees the bytes that are sent.
    """
    hook = comm_hook(workload, context)
    if stamped is not None:
        hook = stamped(hook or mean_hook(group))
    return compressed(hook or mean_hook(group)) if compression == "bf16" else hook


def _as_function(hook: Hook) -> Hook:
    """Return a hook that DDP takes: it looks at the name, which a callable object has not."""

    def own(state, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations
        return hook(state, bucket)

    return own


def wrap(
    module: torch.nn.Module,
    arguments: Mapping[str, Any],
    group: Group,
    hook: Hook | None = None,
) -> DistributedDataParallel:
    """Return the module in DDP, with a communication hook where there is one."""
    wrapped = DistributedDataParallel(
        module,
        device_ids=[group.device] if group.device.type == "cuda" else None,
        process_group=group.process_group,
        **arguments,
    )
    if hook is not None:
        wrapped.register_comm_hook(None, hook)
    return wrapped


def unwrap(module: torch.nn.Module) -> None:
    """End a DDP: its own hooks sit on the parameters and would reduce them a second time."""
    if isinstance(module, DistributedDataParallel):
        module._remove_autograd_hooks()  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def in_ddp(
    module: torch.nn.Module, arguments: Mapping[str, Any], group: Group, hook: Hook | None
) -> Iterator[DistributedDataParallel]:
    """Wrap a module for one pass: DDP takes one hook, which cannot be taken off."""
    wrapped = wrap(module, arguments, group, hook)
    try:
        yield wrapped
    finally:
        unwrap(wrapped)


def autocast(precision: Precision, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the context of a forward pass."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def eagerly(mode: CompileMode | None) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which a compiled module runs as if it were not."""
    if mode in (None, "none"):
        return contextlib.nullcontext()
    return torch.compiler.set_stance("force_eager")  # type: ignore[no-any-return]


@contextlib.contextmanager
def buffers_kept(module: torch.nn.Module) -> Iterator[None]:
    """Put the buffers (batch statistics) back, when done, to what they were."""
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(buffers[name])


def average_buffers(module: torch.nn.Module, group: Group) -> None:
    """Give all ranks the mean of their floating-point buffers (batch statistics), in place."""
    if group.world_size == 1:
        return
    for buffer in module.buffers():
        if buffer.is_floating_point():
            buffer.copy_(group.sum(buffer.clone()) / group.world_size)
