"""What is drawn from data loaders, and which of it was trained on.

A backward pass marks what was drawn since the one before as training. What comes from a loader that
was exhausted or dropped before any backward pass was an evaluation.
"""

from __future__ import annotations

import collections
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple, final

from torch.utils.data import dataloader

from ray_bench.attach.samples import NOTHING, Count, count_of

_Iterator: Any = dataloader._BaseDataLoaderIter
_SIZES = "_ray_bench_sizes"


class Taken(NamedTuple):
    """What a step has trained on."""

    drawn: Count
    had_others: bool  # whether something else was read meanwhile
    num_backwards: int  # backward passes: micro-batches, where there is one loss


@final
class Ledger:
    """Of one process. Not for several threads that train at once.

    Args:
        unused: Told when a loader has ended on which nothing was trained.
    """

    def __init__(self, unused: Callable[[], None] = lambda: None) -> None:
        self._unused = unused
        self._drawn: dict[int, tuple[weakref.ref[Any], Count]] = {}  # since the last backward pass
        self._trained = NOTHING  # since the last step
        self._had_others = False
        self._num_backwards = 0

    def draw(self, iterator: Any, count: Count) -> None:
        """A batch was drawn."""
        key = id(iterator)
        before = self._drawn.get(key)
        more = count if before is None or before[0]() is not iterator else before[1] + count
        self._drawn[key] = (weakref.ref(iterator), more)

    def exhaust(self, iterator: Any) -> None:
        """A loader has ended: what is still unused of it was no training."""
        if self._drawn.pop(id(iterator), None) is not None:
            self._had_others = True
            self._unused()

    def backward(self) -> None:
        """A backward pass has begun."""
        self._num_backwards += 1
        for reference, count in self._drawn.values():
            if reference() is None:
                self._had_others = True
            else:
                self._trained = count if self._trained is NOTHING else self._trained + count
        self._drawn.clear()

    def take(self) -> Taken:
        """Return what was trained on since the last call."""
        taken = Taken(self._trained, self._had_others, self._num_backwards)
        self._trained, self._had_others, self._num_backwards = NOTHING, False, 0
        return taken


def tap(ledger: Ledger) -> Callable[[], None]:
    """Let a ledger hear of all loaders of torch; return what ends that.

    The sizes of batches that are on their way are kept with the iterator, in an attribute.
    """
    next_index, next_batch = _Iterator._next_index, _Iterator.__next__
    is_map = dataloader._DatasetKind.Map

    def counted_index(self: Any) -> Any:
        index = next_index(self)
        if isinstance(index, list) and self._dataset_kind == is_map:
            sizes = getattr(self, _SIZES, None)
            if sizes is None:
                sizes = collections.deque()
                setattr(self, _SIZES, sizes)
            sizes.append(len(index))
        return index

    def counted_batch(self: Any) -> Any:
        try:
            batch = next_batch(self)
        except StopIteration:
            setattr(self, _SIZES, None)
            ledger.exhaust(self)
            raise
        sizes = getattr(self, _SIZES, None)
        ledger.draw(self, count_of(batch, sizes.popleft() if sizes else None))
        return batch

    _Iterator._next_index, _Iterator.__next__ = counted_index, counted_batch

    def end() -> None:
        _Iterator._next_index, _Iterator.__next__ = next_index, next_batch

    return end
