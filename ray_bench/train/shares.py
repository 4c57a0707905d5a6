"""One rank's share of each global batch: its size, its weight in the loss, and the empty share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from ray_bench.errors import RankDisagreementError, TrainingError
from ray_bench.train.group import Group


@dataclass(frozen=True, slots=True)
class Share:
    """Inputs and targets of one step on this rank.

    `weight` turns the mean loss over the share into this rank's part of the mean loss over the
    global batch, times the world size because DDP divides the summed gradients by it. An empty
    share carries another step's samples with weight 0, so that the rank takes part in the
    all-reduce.
    """

    inputs: Any
    targets: Any
    num_samples: int
    num_global_samples: int
    weight: float


def steps_per_epoch(batches: Any, group: Group) -> int:
    """Return the steps of an epoch, after checking that all ranks have the same number.

    Raises:
        TrainingError: If the batches have no length or no step.
        RankDisagreementError: If the ranks would make different numbers of steps and so hang.
    """
    try:
        mine = len(batches)
    except TypeError as err:
        raise TrainingError("The workload's batches have no length; give them `__len__`.") from err
    counts = group.gather(mine)
    if len(set(counts)) > 1:
        raise RankDisagreementError(
            f"The ranks have {counts} steps an epoch; give every rank the same number of batches."
        )
    if mine == 0:
        raise TrainingError("The workload's batches are empty; there is nothing to train on.")
    return mine


def samples_per_epoch(batches: Any) -> int | None:
    """Return the samples of an epoch over all ranks, or None when the batches do not tell."""
    if hasattr(batches, "global_sizes"):
        return int(sum(batches.global_sizes()))
    return None


def shares(batches: Any, epoch: int, group: Group) -> Iterator[Share]:
    """Yield this rank's shares of one epoch, in its own shuffle."""
    _set_epoch(batches, epoch)
    sizes = batches.global_sizes() if hasattr(batches, "global_sizes") else None
    last: tuple[Any, Any] | None = None
    for step, batch in enumerate(batches):
        inputs, targets = _pair(batch)
        count = len(targets)
        if count:
            last = (inputs, targets)
        elif last is None:
            raise TrainingError(
                f"Rank {group.rank} has no sample in the first batch; "
                "use fewer workers or a larger batch."
            )
        total = sizes[step] if sizes is not None else count * group.world_size
        inputs, targets = last if last is not None and not count else (inputs, targets)
        yield Share(inputs, targets, count, total, count * group.world_size / total)


def endless(batches: Any, group: Group) -> Iterator[tuple[Share, bool]]:
    """Yield the shares of epoch after epoch, each with whether its batch is a whole one."""
    is_whole = _whole_batches(batches)
    for epoch in itertools.count():
        yield from zip(shares(batches, epoch, group), is_whole, strict=False)


def whole(stream: Iterator[tuple[Share, bool]]) -> Iterator[Share]:
    """Yield the shares of whole batches, of what `endless` yields."""
    return (share for share, is_whole in stream if is_whole)


def _whole_batches(batches: Any) -> list[bool]:
    """Tell which batches of an epoch are as large as others; all ranks must say the same.

    Batches that do not tell their sizes may be smaller at the end of an epoch. A rank's own share
    must not decide: the ranks would make different numbers of steps.
    """
    if hasattr(batches, "global_sizes"):
        sizes = batches.global_sizes()
        return [size == max(sizes) for size in sizes]
    return [True] * (len(batches) - 1) + [len(batches) == 1]


def _pair(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    count = f" of length {len(batch)}" if isinstance(batch, tuple | list) else ""
    raise TrainingError(
        "The workload's batches must yield pairs (inputs, targets), "
        f"got {type(batch).__name__}{count}."
    )


def _set_epoch(batches: Any, epoch: int) -> None:
    for owner in (batches, getattr(batches, "sampler", None)):
        set_epoch = getattr(owner, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)
            return


def to_device(value: Any, device: torch.device) -> Any:
    """Move a tensor, or a tuple, list or dict of tensors, to a device; other values stay."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(to_device(item, device) for item in value)
    return value
