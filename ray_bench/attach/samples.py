"""How many samples a batch has, and tokens, and what told it.

In this order: the list of indices that the loader drew; the first dimension of the batch. Whatever
a script counts itself comes before both (`ray_bench.step(num_samples=...)`).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ray_bench.records import Source


@dataclass(frozen=True, slots=True)
class Count:
    """Of one batch, or of several together."""

    samples: int = 0
    tokens: int | None = None  # None: nothing that could be tokens was seen
    source: Source = "unknown"

    def __add__(self, other: Count) -> Count:
        known = [x for x in (self.tokens, other.tokens) if x is not None]
        source = other.source if self.source == "unknown" else self.source
        return Count(self.samples + other.samples, sum(known) if known else None, source)


NOTHING = Count()


@dataclass(frozen=True, slots=True)
class Step:
    """Of training, that has ended."""

    count: Count  # what it has trained on
    is_update: bool  # whether an optimizer's update ended it; else the script said so
    has_others: bool  # whether something else than training was in it


#: Batches that name no tokens; asking whether something is a mapping takes longer.
_WITHOUT_NAMES = frozenset({torch.Tensor, tuple, list})


def count_of(batch: Any, num_indices: int | None) -> Count:
    """Count a batch.

    Args:
        batch: As the loader yields it.
        num_indices: That the loader drew for it; None where it draws none.
    """
    tokens = None if type(batch) in _WITHOUT_NAMES else _tokens(batch)
    if num_indices is not None:
        return _of_indices(num_indices, tokens)
    rows = _rows(batch)
    return NOTHING if rows is None else Count(rows, tokens, "batch")


@functools.lru_cache(64)
def _of_indices(num_indices: int, tokens: int | None) -> Count:
    return Count(num_indices, tokens, "indices")


def _rows(batch: Any) -> int | None:
    """Return the first dimension of the first tensor or array in a batch."""
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    parts = batch.values() if isinstance(batch, Mapping) else batch
    if isinstance(batch, str | bytes) or not isinstance(parts, Sequence | type({}.values())):
        return None
    found = (_rows(part) for part in parts)
    return next((rows for rows in found if rows is not None), None)


def _tokens(batch: Any) -> int | None:
    """Return the tokens of a batch in the convention of transformers; the padding is left out."""
    if not isinstance(batch, Mapping):
        return None
    mask, ids = batch.get("attention_mask"), batch.get("input_ids")
    if isinstance(mask, torch.Tensor) and mask.device.type == "cpu":
        return int(mask.sum())
    return ids.numel() if isinstance(ids, torch.Tensor) else None
