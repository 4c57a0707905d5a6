"""The epoch of batches, however deep the sampler is nested, and whether it changed their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, final

import torch
from torch.utils.data import (
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from ray_bench.workloads.contents import is_named, named

#: A sampler in a batch sampler, in a loader, in a wrapper, in another one.
_MAX_DEPTH = 6
_MAX_OBJECTS = 1000
#: Of a long list only so many are looked at: data sets are lists of samples.
_MAX_ITEMS = 16
_RANDOM = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)
#: Attributes of a sampler of one's own that shuffles.
_SIGNS = ("seed", "generator", "rng")
_CLOSED = (
    *(torch.Tensor, torch.nn.Module, torch.Generator, str, bytes, int, float, complex),
    *(type, FunctionType, ModuleType),
)
#: Fewer values may be the same by chance.
_LEAST_VALUES = 16
_MAX_VALUES = 1024


def epoch_owners(batches: Any) -> list[Any]:
    """Return what in the batches has a method `set_epoch`; it answers for all that is inside it."""
    return [item for item in _walk(batches, stops=True) if _has_epoch(item)]


def shuffles(batches: Any) -> bool:
    """Tell whether a sampler that shuffles is anywhere in the batches."""
    return any(map(_is_shuffling, _walk(batches, stops=False)))


@final
class OrderWatch:
    """Compares how two epochs begin.

    Args:
        batches: Of the workload. Without a sampler that shuffles nothing is looked at: an order
            that never changes may be meant.
    """

    def __init__(self, batches: Any) -> None:
        self.is_watching = shuffles(batches)
        self._seen: dict[int, list[list[bytes]]] = {}  # first batches of two epochs, each leaf

    def saw(self, epoch: int, step: int, batch: Any) -> None:
        """Look at one of the first two batches of an epoch, from step 0."""
        if not self.is_watching or (epoch not in self._seen and len(self._seen) == 2):
            return
        first = self._seen.setdefault(epoch, [])
        if len(first) == step:
            first.append([_print(leaf) for leaf in _tensors(batch)])

    @property
    def is_same(self) -> bool:
        """Whether two epochs began with the same samples, and not because all batches are alike.

        Labels alone are enough: inputs may be augmented.
        """
        if len(self._seen) < 2:
            return False
        one, other = self._seen.values()
        if len(one) < 2 or not other:
            return False
        leaves = zip(one[0], other[0], one[1], strict=False)
        return any(a and a == b and a != following for a, b, following in leaves)


def _has_epoch(item: Any) -> bool:
    return callable(getattr(item, "set_epoch", None))


def _walk(root: Any, *, stops: bool) -> Iterator[Any]:
    """Yield the objects in an object, through its attributes; none twice.

    Args:
        root: Where to begin.
        stops: Do not look into what has a method `set_epoch`.
    """
    seen: set[int] = set()
    level = [root]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if id(item) in seen or isinstance(item, _CLOSED):
                continue
            seen.add(id(item))
            yield item
            if len(seen) == _MAX_OBJECTS:
                return
            if not (stops and _has_epoch(item)):
                below += _inside(item)
        level = below


def _inside(item: Any) -> list[Any]:
    if isinstance(item, tuple | list):
        return list(item[:_MAX_ITEMS])
    if isinstance(item, Mapping):
        return list(item.values())[:_MAX_ITEMS]
    return list(getattr(item, "__dict__", {}).values())


def _is_shuffling(item: Any) -> bool:
    if not isinstance(item, Sampler):
        return False
    asked = getattr(item, "shuffle", None)
    if isinstance(asked, bool):
        return asked
    own = any(getattr(item, name, None) is not None for name in _SIGNS)
    return isinstance(item, _RANDOM) or own


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif is_named(value):
        yield from _tensors(list(named(value).values()))


def _print(tensor: torch.Tensor) -> bytes:
    """Return the first values as bytes, none where they are too few to tell samples apart."""
    if tensor.numel() < _LEAST_VALUES:
        return b""
    values = tensor.detach().reshape(-1)[:_MAX_VALUES].cpu()
    return values.contiguous().view(torch.uint8).numpy().tobytes()
