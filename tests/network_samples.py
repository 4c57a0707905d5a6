"""All-reduce samples of a ring with known alpha and beta."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIZES_BYTES = (4, 64, 2**10, 2**14, 2**16, 2**18, 2**20, 2**22, 2**24, 2**26)

#: What all_reduce_perf prints of 16 GPUs, without the lines of its ranks.
NCCL_TESTS = """# nThread 1 nGpus 1 minBytes 8 maxBytes 128
# size count type redop root time algbw busbw #wrong time algbw busbw #wrong
 8 2 float sum -1 121.0 0.00 0.00 0 119.0 0.00 0.00 0
 1048576 262144 float sum -1 210.0 4.99 9.36 0 210.0 4.99 9.36 0
 8589934592 2147483648 float sum -1 48000 178.96 335.54 0 48000 178.96 335.54 0
"""


def ring_s(world_size: int, num_bytes: int, alpha: float = 2e-5, beta: float = 1e-9) -> float:
    """2 (p - 1) alpha + 2 (p - 1) / p S beta."""
    steps = 2 * (world_size - 1)
    return steps * alpha + steps / world_size * num_bytes * beta


def network_columns(
    world_sizes: Sequence[int],
    *,
    alpha: float = 2e-5,
    beta: float = 1e-9,
    noise: float = 0.1,
    num_nodes: int = 1,
    seed: int = 0,
    network_id: str = "sweep-1",
) -> dict[str, np.ndarray]:
    """Columns of NetworkRecord: about 0.2 s a size, at least 5 and at most 100 samples."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, float]] = []
    for size in world_sizes:
        for num_bytes in SIZES_BYTES:
            seconds = ring_s(size, num_bytes, alpha, beta)
            count = int(np.clip(0.2 / seconds, 5, 100))
            times = seconds * np.exp(noise * rng.standard_normal(count))
            rows += [(size, num_bytes, sample, float(x)) for sample, x in enumerate(times)]
    sizes, buffers, samples, durations = zip(*rows, strict=True) if rows else ((),) * 4
    return {
        "network_id": np.full(len(rows), network_id, dtype=object),
        "world_size": np.array(sizes, dtype=int),
        "num_nodes": np.full(len(rows), num_nodes),
        "backend": np.full(len(rows), "gloo", dtype=object),
        "device": np.full(len(rows), "cpu", dtype=object),
        "num_bytes": np.array(buffers, dtype=int),
        "sample": np.array(samples, dtype=int),
        "duration_s": np.array(durations, dtype=float),
    }
