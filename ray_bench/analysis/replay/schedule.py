"""DDP's bucket schedule: how large buckets are, and when each is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.stats.buckets import DEFAULT_CAP_MB, MIB, first_cap_bytes

DEFAULT_CAP_BYTES = DEFAULT_CAP_MB * MIB

Table = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The gradient buckets of a step, in the order in which they become ready, shape (K,)."""

    num_bytes: np.ndarray
    ready_frac: np.ndarray  # share of the backward pass after which each is ready
    measured_at: int | None  # world size whose steps were sampled; None: assumed

    @property
    def total_bytes(self) -> float:
        """All gradients."""
        return float(self.num_bytes.sum())


def default_buckets(
    grad_bytes: int, cap_bytes: float = DEFAULT_CAP_BYTES, sent_frac: float = 1.0
) -> Buckets:
    """Return DDP's bucketing, gradients being ready evenly over the backward pass.

    Each bucket holds `cap_bytes`, the last one the rest; with DDP's default cap the first one holds
    1 MiB. Parameters that are larger than a bucket are not known here.

    Args:
        grad_bytes: Of all gradients, as they are sent.
        cap_bytes: What DDP was given; it counts gradients as they are computed.
        sent_frac: Bytes as sent over bytes as computed.
    """
    first = first_cap_bytes(cap_bytes)
    edges = np.append(
        np.arange(first * sent_frac, grad_bytes, cap_bytes * sent_frac), float(grad_bytes)
    )
    sizes = np.diff(edges, prepend=0.0)
    return Buckets(num_bytes=sizes, ready_frac=edges / grad_bytes, measured_at=None)


def measured_buckets(
    tables: Sequence[Table], backward_s: Sequence[float], world_size: int
) -> Buckets:
    """Return the mean schedule over ranks, sampled steps and runs.

    Args:
        tables: Bucket records of every run; all have the same buckets.
        backward_s: Mean backward pass of every run's sampled steps.
        world_size: Of these runs.
    """
    index = np.concatenate([table["bucket"] for table in tables]).astype(np.int64)
    ready = np.concatenate(
        [x["ready_s"].astype(float) / s for x, s in zip(tables, backward_s, strict=True)]
    )
    sizes = np.zeros(int(index.max()) + 1)
    np.maximum.at(sizes, index, np.concatenate([x["num_bytes"] for x in tables]).astype(float))
    mean = np.bincount(index, weights=ready) / np.maximum(np.bincount(index), 1)
    return Buckets(num_bytes=sizes, ready_frac=np.clip(mean, 0.0, 1.0), measured_at=world_size)
