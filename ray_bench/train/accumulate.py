"""Gradient accumulation: a rank's share of a step in parts, whose gradients are reduced once.

Every part's mean loss has the weight of its samples in the global batch, as the share itself has,
so that the gradients of the parts add up to that of the mean over the global batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any
from weakref import WeakSet

import torch
from torch.nn.parallel import DistributedDataParallel

from ray_bench.errors import TrainingError
from ray_bench.train.shares import Share
from ray_bench.workloads.batch import BatchReader
from ray_bench.workloads.contents import is_named, named, remade

_HAVE_REDUCED: WeakSet[torch.nn.Module] = WeakSet()


def parts_of(share: Share, num_parts: int, reader: BatchReader) -> list[Share]:
    """Cut a share into so many parts of about equal size, in its own order.

    All ranks get the same number, as each may be reduced: of a share with too few rows, parts
    repeat others with weight 0.

    Args:
        share: Of a step.
        num_parts: 1 or more.
        reader: Of the batches.

    Raises:
        TrainingError: The batch has something that cannot be cut by samples.
    """
    if num_parts == 1:
        return [share]
    held = reader.num_rows(share.batch)
    edges = [held * part // num_parts for part in range(num_parts + 1)]
    filled = [pair for pair in pairwise(edges) if pair[0] < pair[1]]
    batches = [_cut(share.batch, slice(*pair), held) for pair in filled]
    # An empty share holds another step's samples.
    counts = [reader.num_samples(batch) if share.num_samples else 0 for batch in batches]
    total = max(1, sum(counts))
    parts = [
        replace(
            share,
            batch=batch,
            num_samples=count,
            num_tokens=reader.num_tokens(batch) if count else 0,
            weight=share.weight * count / total,
        )
        for batch, count in zip(batches, counts, strict=True)
    ]
    nothing = replace(parts[-1], num_samples=0, num_tokens=0, weight=0.0)
    return [nothing] * (num_parts - len(parts)) + parts


def _cut(value: Any, rows: slice, held: int) -> Any:
    """Return some samples of a batch of `held`: of its tensors, and of lists with one item each."""
    if isinstance(value, torch.Tensor) and value.ndim:
        return _by_samples(value, held)[rows]
    if is_named(value):
        return remade(value, {key: _cut(item, rows, held) for key, item in named(value).items()})
    if isinstance(value, list | tuple) and not _holds_batches(value, held):
        return type(value)(value[rows])
    if isinstance(value, list | tuple):
        return type(value)(_cut(item, rows, held) for item in value)
    return value


def _holds_batches(value: list[Any] | tuple[Any, ...], held: int) -> bool:
    """Tell whether a list has whole batches as its items, and not one sample each."""
    return len(value) != held or any(
        isinstance(item, torch.Tensor) and item.ndim and len(item) == held for item in value
    )


def _by_samples(value: torch.Tensor, held: int) -> torch.Tensor:
    if len(value) == held:
        return value
    raise TrainingError(
        f"A batch of {held} samples cannot be cut into micro-batches: it has a tensor of shape "
        f"{tuple(value.shape)}. Let the first dimension of each tensor be the samples, or take "
        "accumulate_steps=1 without max_local_batch_size."
    )


@contextlib.contextmanager
def not_reducing(module: torch.nn.Module) -> Iterator[None]:
    """Keep the gradients of a backward pass on this rank, where the module is in DDP.

    A DDP with a static graph has to reduce once before it can leave it out. So the first part of
    all is reduced, which gives the same gradients: the mean of a sum with a mean in it.
    """
    if not isinstance(module, DistributedDataParallel) or module not in _HAVE_REDUCED:
        _HAVE_REDUCED.add(module)
        yield
        return
    with module.no_sync():
        yield
