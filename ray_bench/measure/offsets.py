"""How far a rank's clock is from that of rank 0, so that stamps of all ranks can be compared.

Ranks on one host read the same monotonic clock; the clocks of two hosts have nothing in common.
Both cases are measured alike, by ping-pong (Mills 1991, IEEE Trans. Commun. 39(10), the method of
NTP): the answer of rank 0 was stamped between sending and receiving, most likely in the middle, and
surely not further from the middle than half the round trip. The shortest round trip counts.

Crystals drift by some 20 millionths against each other. Over twenty steps that makes less than a
thousandth of a step, so one measurement before a pass is enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist

from ray_bench.measure.clock import Clock

ROUNDS = 12


def clock_offset_ns(
    clock: Clock, *, rank: int, world_size: int, device: torch.device, process_group: Any
) -> int:
    """Return this rank's clock less that of rank 0, in nanoseconds. All ranks call it together.

    Args:
        clock: This rank's clock.
        rank: Within the process group.
        world_size: Of the process group.
        device: Where the process group's messages lie.
        process_group: None for the default group.
    """
    message = torch.zeros(1, dtype=torch.int64, device=device)
    if rank == 0:
        for peer in range(1, world_size):
            for _ in range(ROUNDS):
                dist.recv(message, group=process_group, group_src=peer)
                _wait(message)
                message.fill_(clock.now_ns())
                dist.send(message, group=process_group, group_dst=peer)
        return 0
    return offset_ns(_ping(clock, message, process_group) for _ in range(ROUNDS))


def _ping(clock: Clock, message: torch.Tensor, process_group: Any) -> tuple[int, int, int]:
    """Return (sent, stamp of rank 0, received) of one round trip, in nanoseconds."""
    sent_ns = clock.now_ns()
    dist.send(message, group=process_group, group_dst=0)
    dist.recv(message, group=process_group, group_src=0)
    answer_ns = _wait(message)
    return sent_ns, answer_ns, clock.now_ns()


def _wait(message: torch.Tensor) -> int:
    return int(message.item())  # NCCL returns before the message is there; reading it waits


def offset_ns(round_trips: Iterable[tuple[int, int, int]]) -> int:
    """Return the offset from round trips (sent, stamp of rank 0, received), all in nanoseconds.

    One that is no larger than its own uncertainty is 0: the ranks share a clock.
    """
    sent, answer, received = min(round_trips, key=lambda trip: trip[2] - trip[0])
    offset = (sent + received) // 2 - answer
    return 0 if abs(offset) <= (received - sent) / 2 else offset
