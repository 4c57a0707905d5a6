"""DDP's bucket schedule: when buckets are ready, and when the last one is reduced.

Buckets are reduced one after the other, each when it is ready and the link is free (Li et al. 2020,
PyTorch Distributed, VLDB 13(12), section 3.2.3):

    f_k = max(r_k, f_(k-1)) + t(N, S_k)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_MIB = 2**20
#: DDP's default for its buckets, and its first one then; with any other cap the first bucket is as
#: large as the others (torch.nn.parallel.DistributedDataParallel).
FIRST_BUCKET_BYTES = _MIB
DEFAULT_CAP_BYTES = 25 * _MIB

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
    first = FIRST_BUCKET_BYTES if cap_bytes == DEFAULT_CAP_BYTES else cap_bytes
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


def last_reduced_s(ready_s: np.ndarray, transfer_s: np.ndarray) -> np.ndarray:
    """Return when the last bucket is reduced, f_K, seconds after the start of the backward pass.

    Args:
        ready_s: When every bucket is ready, shape (..., K).
        transfer_s: How long each takes on the link, shape (..., K).
    """
    end = np.zeros(np.broadcast_shapes(ready_s.shape, transfer_s.shape)[:-1])
    for k in range(ready_s.shape[-1]):
        end = np.maximum(ready_s[..., k], end) + transfer_s[..., k]
    return end
