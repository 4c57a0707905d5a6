"""A network in a communication hook: one serial wire, on which an all-reduce takes its time.

    t = 2 (p - 1) alpha + 2 (p - 1) / p * bytes * beta

which is the cost of a ring (Patarasuk and Yuan 2009, doi 10.1016/j.jpdc.2008.09.002). The gradients
are really reduced; a bucket is there when that is done and the wire has carried it.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
import torch.distributed as dist


def wire_s(num_bytes: int, *, world_size: int, latency_s: float, gbit_per_s: float | None) -> float:
    """Return the seconds that the wire takes for the all-reduce of a buffer."""
    per_byte_s = 0.0 if gbit_per_s is None else 8e-9 / gbit_per_s
    hops = 2 * (world_size - 1)
    return hops * latency_s + hops / world_size * num_bytes * per_byte_s


@final
class VirtualWire:
    """Carries one buffer after the other; a thread of its own completes each future in time.

    A buffer sets out when the last rank has it and the wire is free. On one host the ranks tell
    each other when they had it, so that the time of the real reduction is not added to that of the
    wire. Between hosts there is a real wire, whose time counts, and clocks that have nothing in
    common: there the reduction is a plain all-reduce, and the virtual wire comes after it.

    Args:
        process_group: Of the ranks; None: the default group. All ranks make their wire together.
        world_size: Ranks.
        latency_s: alpha.
        gbit_per_s: 8e-9 / beta; None: no limit.
    """

    def __init__(
        self, process_group: Any, *, world_size: int, latency_s: float, gbit_per_s: float | None
    ) -> None:
        self._process_group = process_group
        self._is_one_host = len(set(_hosts(process_group, world_size))) == 1
        self._seconds = partial(
            wire_s, world_size=world_size, latency_s=latency_s, gbit_per_s=gbit_per_s
        )
        self._free_at_s = 0.0
        self._waiting: queue.SimpleQueue[_Parcel] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="virtual-wire", daemon=True).start()

    def carry(
        self, buffer: torch.Tensor, *, ready_at_s: float, arrived: Callable[[float], None]
    ) -> torch.futures.Future[torch.Tensor]:
        """Return a future of the buffer, which then holds the mean over the ranks.

        Args:
            buffer: Reduced in place.
            ready_at_s: When this rank had it, by `time.perf_counter`.
            arrived: Told when it arrived, just before the future is complete.
        """
        future: torch.futures.Future[torch.Tensor] = torch.futures.Future()
        self._waiting.put(_Parcel(buffer, ready_at_s, arrived, future))
        return future

    def _work(self) -> None:
        while True:
            parcel = self._waiting.get()
            try:
                sets_out_s = self._reduce(parcel)
            except Exception as err:  # noqa: BLE001  # DDP raises it where the gradients are due
                parcel.future.set_exception(err)  # type: ignore[arg-type]
                continue
            self._free_at_s = max(sets_out_s, self._free_at_s) + self._seconds(parcel.buffer.nbytes)
            time.sleep(max(0.0, self._free_at_s - time.perf_counter()))
            parcel.arrived(self._free_at_s)
            parcel.future.set_result(parcel.buffer)

    def _reduce(self, parcel: _Parcel) -> float:
        """Return when the buffer sets out, by `time.perf_counter`."""
        if self._is_one_host:
            return mean_and_latest(parcel.buffer, parcel.ready_at_s, self._process_group)
        dist.all_reduce(parcel.buffer, group=self._process_group)
        parcel.buffer.div_(dist.get_world_size(self._process_group))
        return time.perf_counter()


@dataclass(frozen=True, slots=True)
class _Parcel:
    buffer: torch.Tensor
    ready_at_s: float
    arrived: Callable[[float], None]
    future: torch.futures.Future[torch.Tensor]


def mean_and_latest(buffer: torch.Tensor, ready_at_s: float, process_group: Any) -> float:
    """Give all ranks the mean of their buffers, in place, and return the latest `ready_at_s`.

    All ranks call it together. Rank 0 gathers and broadcasts. A ring needs 2 (p - 1) rounds in
    which every rank must run: with eight ranks on two cores 20 ms, against 2 ms for the star. Over
    links of hosts it is the star that costs: everything goes through that of rank 0.
    """
    world_size = dist.get_world_size(process_group)
    if world_size == 1:
        return ready_at_s
    stamp = torch.tensor([ready_at_s], dtype=torch.float64)
    message = torch.cat([buffer.view(torch.uint8), stamp.view(torch.uint8)])
    if dist.get_rank(process_group) == 0:
        parts = [torch.empty_like(message) for _ in range(world_size)]
        dist.gather(message, parts, group=process_group, group_dst=0)
        values, stamps = zip(*(_opened(part, buffer.dtype) for part in parts), strict=True)
        mean = torch.stack(values).mean(0)
        message = torch.cat(
            [mean.view(torch.uint8), torch.cat(stamps).max()[None].view(torch.uint8)]
        )
    else:
        dist.gather(message, group=process_group, group_dst=0)
    dist.broadcast(message, group=process_group, group_src=0)
    value, latest = _opened(message, buffer.dtype)
    buffer.copy_(value)
    return float(latest)


def _opened(message: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the buffer and the stamp of a message; a copy, because bytes may lie unaligned."""
    return message[:-8].clone().view(dtype), message[-8:].clone().view(torch.float64)


def _hosts(process_group: Any, world_size: int) -> list[str]:
    hosts: list[Any] = [_host()] * world_size
    if world_size > 1:
        dist.all_gather_object(hosts, _host(), group=process_group)
    return hosts


def _host(proc: Path = Path("/proc")) -> str:
    """Name what shares a clock and needs no network: a kernel, and in it a network namespace."""
    boot_id, network = proc / "sys/kernel/random/boot_id", proc / "self/ns/net"
    if not boot_id.exists() or not network.is_symlink():
        return socket.gethostname()
    return f"{boot_id.read_text().strip()} {network.readlink()}"
