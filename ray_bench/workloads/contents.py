"""What is in a batch, whatever it is: by name, counted, and moved to a device."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

#: Of a mapping, what has one row a sample; else the first tensor in it.
_ROWS = ("input_ids", "labels")


def is_named(value: Any) -> bool:
    """Tell whether a batch gives names to what it has: a mapping or a dataclass."""
    return isinstance(value, Mapping) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def named(value: Any) -> Mapping[str, Any]:
    """Return what a mapping or a dataclass has, by name."""
    if isinstance(value, Mapping):
        return value
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}


def rows_of(value: Any) -> int | None:
    """Return the length of what has one row a sample; None where it cannot be told.

    Several tensors may be as many columns, or one a sample: only where they agree it is known.
    """
    if isinstance(value, torch.Tensor):
        return len(value) if value.ndim else None
    if is_named(value):
        items = named(value)
        tensors = [items.get(name) for name in _ROWS] + list(items.values())
        return next((len(x) for x in tensors if isinstance(x, torch.Tensor) and x.ndim), None)
    if not isinstance(value, tuple | list):
        return None
    if not any(isinstance(item, torch.Tensor | tuple | list) for item in value):
        return len(value)
    lengths = {rows_of(item) for item in value} | {len(value)}
    return len(value) if len(lengths) == 1 else None


def tokens_of(batch: Mapping[str, Any]) -> Any:
    """Return the tokens that `attention_mask` lets through, else the entries of `input_ids`."""
    mask = batch.get("attention_mask")
    if isinstance(mask, torch.Tensor) and mask.ndim == 2 and not mask.is_floating_point():
        total = mask.sum()
        return total if mask.is_cuda else int(total)
    ids = batch.get("input_ids")
    return ids.numel() if isinstance(ids, torch.Tensor) else None


def to_device(value: Any, device: torch.device) -> Any:
    """Move tensors to a device, also those in tuples, lists, mappings and dataclasses.

    What has a method `to` moves itself, a tensor and many a library's batch; other values stay.
    """
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if type(value) in (tuple, list):
        return type(value)([to_device(item, device) for item in value])
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, tuple | list):
        items = [to_device(item, device) for item in value]
        return value._make(items) if hasattr(value, "_make") else type(value)(items)  # named ones
    if not is_named(value):
        return value
    return remade(value, {key: to_device(item, device) for key, item in named(value).items()})


def remade(value: Any, items: dict[str, Any]) -> Any:
    """Return a mapping or a dataclass of the same kind with other items."""
    if type(value) is dict or (isinstance(value, Mapping) and not hasattr(value, "update")):
        return items
    other = copy.copy(value)
    if isinstance(value, Mapping):
        other.update(items)
    else:
        for name, item in items.items():
            object.__setattr__(other, name, item)  # a frozen one, too
    return other
