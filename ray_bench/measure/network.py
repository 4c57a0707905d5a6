"""How fast ranks reduce: all-reduce of buffers from 4 B to 64 MiB, with nothing else going on.

Every sample begins at a barrier and lasts until the device has the sum; the slowest rank counts.
The ranks leave a barrier a little apart, so the shortest times contain that gap too: they are what
a training step would see, not the least that the link can do.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist

from ray_bench.measure.clock import Clock
from ray_bench.records import NetworkRecord

#: Four times the size before, or more where the times hardly change.
SIZES_BYTES: tuple[int, ...] = (4, 64, 2**10, 2**14, 2**16, 2**18, 2**20, 2**22, 2**24, 2**26)
NUM_WARMUP = 3
#: A size is measured for about so many seconds, within these bounds of samples.
SECONDS_A_SIZE = 0.2
MIN_SAMPLES, MAX_SAMPLES = 5, 100

_NS = 1e-9
_FLOAT_BYTES = 4


def all_reduce_times(
    process_group: Any,
    *,
    device: torch.device,
    clock: Clock,
    sizes_bytes: Sequence[int] = SIZES_BYTES,
) -> dict[int, list[float]]:
    """Return the seconds of every sample by buffer size; the same on all ranks of the group.

    Every rank of the group must call it with the same sizes.

    Args:
        process_group: The ranks that reduce; None is the default group.
        device: Where the buffers are.
        clock: Where the time comes from; synchronised before each of its readings.
        sizes_bytes: Multiples of 4, the size of a float32.
    """
    times = {}
    for num_bytes in sizes_bytes:
        buffer = torch.zeros(num_bytes // _FLOAT_BYTES, dtype=torch.float32, device=device)
        warmup_s = [_one(buffer, process_group, clock) for _ in range(NUM_WARMUP)]
        (typical_s,) = _slowest([statistics.median(warmup_s)], process_group, device)
        mine_s = [_one(buffer, process_group, clock) for _ in range(_num_samples(typical_s))]
        times[num_bytes] = _slowest(mine_s, process_group, device)
    return times


def _num_samples(typical_s: float) -> int:
    wanted = math.ceil(SECONDS_A_SIZE / max(typical_s, _NS))
    return min(MAX_SAMPLES, max(MIN_SAMPLES, wanted))


def _one(buffer: torch.Tensor, process_group: Any, clock: Clock) -> float:
    """Return the seconds of one all-reduce on this rank."""
    # NCCL warns where it has to guess the device of a barrier.
    device_ids = [buffer.device.index] if buffer.is_cuda else None
    dist.barrier(group=process_group, device_ids=device_ids)
    clock.synchronize()
    begin_ns = clock.now_ns()
    dist.all_reduce(buffer, group=process_group)
    clock.synchronize()
    return (clock.now_ns() - begin_ns) * _NS


def _slowest(values: Sequence[float], process_group: Any, device: torch.device) -> list[float]:
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX, group=process_group)
    return [float(value) for value in tensor]


def network_records(
    times: Mapping[int, Sequence[float]],
    *,
    network_id: str,
    nodes: Sequence[str],
    backend: str,
    device: torch.device,
    is_run_placement: bool,
) -> list[NetworkRecord]:
    """Return a record for every sample.

    Args:
        times: Seconds of every sample by buffer size.
        network_id: For the records.
        nodes: The node of every rank, shape (world_size,).
        backend: Of the process group.
        device: Where the buffers were.
        is_run_placement: Whether runs of this size are placed so.
    """
    ranks_on = Counter(nodes)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return [
        NetworkRecord(
            network_id=network_id,
            world_size=len(nodes),
            num_nodes=len(ranks_on),
            backend=backend,
            device=name,
            num_bytes=num_bytes,
            sample=sample,
            duration_s=duration_s,
            workers_per_node=max(ranks_on.values()),
            is_run_placement=is_run_placement,
        )
        for num_bytes, durations_s in times.items()
        for sample, duration_s in enumerate(durations_s)
    ]
