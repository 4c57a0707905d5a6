"""The size of gradient buckets, chosen from the network and the backward pass as measured here.

DDP reduces a bucket when all of its gradients are there. Small buckets start early and leave little
for after the backward pass, but each pays the latency of a ring; the last one never overlaps. With
t(S) = A + B S the time of an all-reduce among the run's ranks, `stats.buckets` has what is exposed.
The candidate with the least exposed time is taken, the larger one where they are within 1 %.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ray_bench.config.settings import cap_of
from ray_bench.measure.clock import Clock
from ray_bench.measure.network import all_reduce_times
from ray_bench.records import Point
from ray_bench.stats.buckets import DEFAULT_CAP_MB, MIB, first_cap_bytes, last_reduced_s
from ray_bench.stats.lines import relative_line
from ray_bench.train.group import Group
from ray_bench.train.shares import Feed, endless, whole
from ray_bench.train.step import Stepper

CANDIDATES_MB = (1.0, 2.0, 5.0, 10.0, DEFAULT_CAP_MB, 50.0, 100.0)
_SIZES_BYTES = (4, 2**14, 2**18, 2**20, 2**22, 2**24)
_ALIKE_FRAC = 0.01
#: The first pass allocates; of the others the quickest is taken.
_NUM_PASSES = 4

#: (seconds after the start of backward, bytes) of every gradient, in the order of their coming.
Gradients = Sequence[tuple[float, int]]


def bucket_cap_mb(point: Point, stepper: Stepper, feed: Feed, group: Group, clock: Clock) -> float:
    """Return the cap in MiB that a point asks for; with `auto` all ranks measure and agree.

    Args:
        point: Of a run with DDP.
        stepper: Its module is not in DDP yet. Weights stay as they are.
        feed: The workload's batches.
        group: The ranks.
        clock: Where the time comes from.
    """
    asked = DEFAULT_CAP_MB if point.bucket_cap is None else cap_of(point.bucket_cap)
    if asked != "auto":
        return asked
    if group.world_size == 1:
        return DEFAULT_CAP_MB
    times = all_reduce_times(
        group.process_group, device=group.device, clock=clock, sizes_bytes=_SIZES_BYTES
    )
    gradients = gradients_of(stepper, feed, group, clock)
    half = 0.5 if point.compression == "bf16" else 1.0
    chosen = choose_cap_mb(gradients, *line_of(times), sent_frac=half)
    return group.gather(chosen)[0]  # every rank has timed its own gradients: the first one decides


def line_of(times: Mapping[int, Sequence[float]]) -> tuple[float, float]:
    """Return A (seconds) and B (seconds a byte) of t(S) = A + B S, least relative squares.

    Args:
        times: Seconds of every sample by buffer size in bytes.
    """
    sizes = np.array(list(times), dtype=float)
    medians = np.array([statistics.median(samples) for samples in times.values()])
    terms = np.column_stack([np.ones_like(sizes), sizes])
    fixed_s, s_per_byte = relative_line(terms, medians)
    return max(0.0, float(fixed_s)), max(0.0, float(s_per_byte))


def choose_cap_mb(
    gradients: Gradients, fixed_s: float, s_per_byte: float, *, sent_frac: float = 1.0
) -> float:
    """Return the candidate that leaves the least communication exposed.

    Args:
        gradients: As they become ready.
        fixed_s: A, seconds of an all-reduce whatever its size.
        s_per_byte: B.
        sent_frac: Bytes on the network over bytes of gradients.
    """
    exposed = {
        cap: exposed_s(buckets_of(gradients, cap), fixed_s, s_per_byte * sent_frac)
        for cap in CANDIDATES_MB
    }
    least = min(exposed.values())
    return max(cap for cap, seconds in exposed.items() if seconds <= least * (1 + _ALIKE_FRAC))


def buckets_of(gradients: Gradients, cap_mb: float) -> list[tuple[float, int]]:
    """Return (ready, bytes) of the buckets that DDP makes of gradients: full ones are closed."""
    buckets: list[tuple[float, int]] = []
    held = 0
    for ready_s, num_bytes in gradients:
        held += num_bytes
        cap_bytes = cap_mb * MIB if buckets else first_cap_bytes(cap_mb * MIB)
        if held >= cap_bytes:
            buckets.append((ready_s, held))
            held = 0
    return [*buckets, (gradients[-1][0], held)] if held else buckets


def exposed_s(buckets: Sequence[tuple[float, int]], fixed_s: float, s_per_byte: float) -> float:
    """Return the seconds from the last gradient to the end of the last reduction."""
    ready_s, num_bytes = np.array(buckets, dtype=float).T
    end_s = last_reduced_s(ready_s, fixed_s + s_per_byte * num_bytes)
    return float(end_s - ready_s[-1])


def gradients_of(stepper: Stepper, feed: Feed, group: Group, clock: Clock) -> Gradients:
    """Return when each gradient is there, from a hook on every parameter; no weight changes."""
    share = stepper.one_part(next(whole(endless(feed, group))))
    module = stepper.module
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    module.train()
    watch = _Watch(module, clock, group.device)
    try:
        passes = [watch.one(stepper, share) for _ in range(_NUM_PASSES)]
    finally:
        watch.end()
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(buffers[name])
    return min(passes[1:], key=lambda gradients: gradients[-1][0])


class _Watch:
    """Stamps gradients: clock readings on CPU, events on CUDA."""

    def __init__(self, module: torch.nn.Module, clock: Clock, device: torch.device) -> None:
        self._clock = clock
        self._is_cuda = device.type == "cuda"
        self._ready: list[tuple[Any, int]] = []
        trained = [p for p in module.parameters() if p.requires_grad]
        self._handles: list[Any] = [
            p.register_post_accumulate_grad_hook(self._note)  # type: ignore[no-untyped-call]
            for p in trained
        ]

    def one(self, stepper: Stepper, share: Any) -> Gradients:
        """Make one pass and return its gradients."""
        self._ready = []
        begin: list[Any] = []

        def mark(phase: str) -> None:
            if phase == "loss":
                begin.append(self._stamp())

        stepper.forward_backward(share, mark=mark)
        self._clock.synchronize()
        stepper.optimizer.zero_grad(set_to_none=True)
        return [(self._seconds(begin[0], stamp), size) for stamp, size in self._ready]

    def end(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()

    def _note(self, parameter: torch.Tensor) -> None:
        self._ready.append((self._stamp(), parameter.numel() * parameter.element_size()))

    def _stamp(self) -> Any:
        if not self._is_cuda:
            return self._clock.now_ns()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _seconds(self, begin: Any, end: Any) -> float:
        if self._is_cuda:
            return float(begin.elapsed_time(end)) * 1e-3
        return float(end - begin) * 1e-9
