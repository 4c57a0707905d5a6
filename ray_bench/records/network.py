"""Times of all-reduce by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecord:
    """One timed all-reduce of the network sweep; the time is that of the slowest rank."""

    network_id: str  # the sweep id where the sweep asked for it
    world_size: int
    num_nodes: int  # by Ray's ids
    backend: str
    device: str  # "cpu" or the name of the GPU
    num_bytes: int  # of the buffer on every rank
    sample: int  # from 0
    duration_s: float
    workers_per_node: int | None = None  # the most of its ranks that were on one node
    is_run_placement: bool | None = None  # whether runs of this size are placed so; None: unknown
