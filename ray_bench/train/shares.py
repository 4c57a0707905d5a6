"""One rank's share of each global batch: its size, its weight in the loss, and the empty share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from ray_bench.errors import RankDisagreementError, TrainingError
from ray_bench.train.group import Group
from ray_bench.workloads.batch import BatchReader
from ray_bench.workloads.epochs import OrderWatch, epoch_owners

_EMPTY = "The workload's batches are empty; there is nothing to train on."
#: Of each epoch, to see whether the order changed.
_WATCHED_STEPS = 2


@dataclass(frozen=True, slots=True)
class Share:
    """The batch of one step on this rank.

    `weight` turns the mean loss over the share into this rank's part of the mean loss over the
    global batch, times the world size because DDP divides the summed gradients by it. An empty
    share carries another step's samples with weight 0, so that the rank takes part in the
    all-reduce.
    """

    batch: Any
    num_samples: int
    num_tokens: Any  # a whole number, or a tensor of one; None: the batch does not tell
    num_global_samples: int
    weight: float
    is_whole: bool  # False: the last batch of an epoch, which may be smaller than the others


@final
class Feed:
    """A workload's batches with how they are read.

    Args:
        batches: As the workload built them.
        reader: Counts a batch and hands it to the module.
    """

    def __init__(self, batches: Any, reader: BatchReader) -> None:
        self.batches = batches
        self.reader = reader
        self.order = OrderWatch(batches)
        self._owners = epoch_owners(batches)

    @property
    def num_steps(self) -> int | None:
        """Batches an epoch, None where they have no length."""
        try:
            return len(self.batches)
        except TypeError:
            return None

    @property
    def global_sizes(self) -> list[int] | None:
        """Samples of every global batch of an epoch, where the batches tell."""
        return self.batches.global_sizes() if hasattr(self.batches, "global_sizes") else None

    def epoch(self, epoch: int) -> Iterator[Any]:
        """Yield the batches of an epoch, in its own shuffle."""
        for owner in self._owners:
            owner.set_epoch(epoch)
        for step, batch in enumerate(self.batches):
            if step < _WATCHED_STEPS:
                self.order.saw(epoch, step, batch)
            yield batch

    def from_epoch(self, epoch: int) -> Iterator[Any]:
        """Yield the batches of an epoch; without a length, of all epochs from it on, endlessly.

        Raises:
            TrainingError: An epoch without a length is empty.
        """
        if self.num_steps is not None:
            yield from self.epoch(epoch)
            return
        for number in itertools.count(epoch):
            is_empty = True
            for batch in self.epoch(number):
                is_empty = False
                yield batch
            if is_empty:
                raise TrainingError(
                    f"The workload's batches yielded nothing in epoch {number}; they must be "
                    "iterable anew in every epoch."
                )


def steps_per_epoch(feed: Feed, group: Group) -> int | None:
    """Return the steps of an epoch, None without a length; all ranks must have the same number.

    Raises:
        TrainingError: If the batches have no step.
        RankDisagreementError: If the ranks would make different numbers of steps and so hang.
    """
    mine = feed.num_steps
    counts = group.gather(mine)
    if len(set(counts)) > 1:
        raise RankDisagreementError(
            f"The ranks have {counts} steps an epoch; give every rank the same number of batches."
        )
    if mine == 0:
        raise TrainingError(_EMPTY)
    return mine


def samples_per_epoch(feed: Feed) -> int | None:
    """Return the samples of an epoch over all ranks, or None when the batches do not tell."""
    sizes = feed.global_sizes
    return None if sizes is None else int(sum(sizes))


def shares(feed: Feed, epoch: int, group: Group) -> Iterator[Share]:
    """Yield this rank's shares of one epoch, in its own shuffle; without a length, endlessly."""
    sizes, reader = feed.global_sizes, feed.reader
    last: Any = None
    wholes = itertools.chain(_whole_batches(feed), itertools.repeat(False))
    for step, (batch, is_whole) in enumerate(zip(feed.from_epoch(epoch), wholes, strict=False)):
        count = reader.num_samples(batch)
        tokens = reader.num_tokens(batch) if count else 0
        if count:
            last = batch
        elif last is None:
            raise TrainingError(
                f"Rank {group.rank} has no sample in the first batch; "
                "use fewer workers or a larger batch."
            )
        total = sizes[step] if sizes is not None else count * group.world_size
        weight = count * group.world_size / total if count else 0.0
        yield Share(batch if count else last, count, tokens, total, weight, is_whole)


def endless(feed: Feed, group: Group) -> Iterator[tuple[Share, bool]]:
    """Yield the shares of epoch after epoch, each with whether its batch is a whole one."""
    for epoch in itertools.count():
        yield from ((share, share.is_whole) for share in shares(feed, epoch, group))


def whole(stream: Iterator[tuple[Share, bool]]) -> Iterator[Share]:
    """Yield the shares of whole batches, of what `endless` yields."""
    return (share for share, is_whole in stream if is_whole)


def _whole_batches(feed: Feed) -> Iterable[bool]:
    """Tell which batches of an epoch are as large as others; all ranks must say the same.

    Batches that do not tell their sizes may be smaller at the end of an epoch. A rank's own share
    must not decide: the ranks would make different numbers of steps.
    """
    if feed.global_sizes is not None:
        sizes = feed.global_sizes
        return [size == max(sizes) for size in sizes]
    count = feed.num_steps
    return itertools.repeat(True) if count is None else [True] * (count - 1) + [count == 1]
