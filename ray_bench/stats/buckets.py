"""DDP's gradient buckets: how large they are, and when the last one is reduced.

Buckets are reduced one after the other, each when it is ready and the link is free (Li et al. 2020,
PyTorch Distributed, VLDB 13(12), section 3.2.3):

    f_k = max(r_k, f_(k-1)) + t(S_k)        exposed = f_K - r_K
"""

from __future__ import annotations

import numpy as np

MIB = 2**20
#: DDP's default for its buckets.
DEFAULT_CAP_MB = 25.0


def first_cap_bytes(cap_bytes: float) -> float:
    """Return how large the first bucket is: 1 MiB with DDP's default, else as the others.

    As in torch.nn.parallel.DistributedDataParallel.
    """
    return MIB if cap_bytes == DEFAULT_CAP_MB * MIB else cap_bytes


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
