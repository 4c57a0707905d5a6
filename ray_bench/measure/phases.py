"""Where a step's time goes: the separate phase pass.

The instrument is a communication hook on DDP and a callback in autograd's queue (method: science of
PyTorch's own reducer timer; the hook form is Shen Li's). The callback is queued by the first
gradient
bucket and so runs when the backward computation is over but before DDP waits for its buckets:

    backward      = from the call of backward() to that callback
    exposed_comm  = from that callback to the return of backward()

A Python hook costs about 0.1 ms a bucket, therefore it never runs in the throughput pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.nn.parallel import DistributedDataParallel

from ray_bench.measure.clock import Clock
from ray_bench.records import PHASES, PhaseRecord

NS = 1e-9


@final
class PhaseProbe:
    """Marks where phases end: clock stamps on CPU, events on the compute stream on CUDA."""

    def __init__(self, clock: Clock, device: torch.device) -> None:
        self._clock = clock
        self._is_cuda = device.type == "cuda"
        self._marks: list[tuple[str, Any]] = []
        self._queued = False

    def start(self) -> None:
        """Begin a step."""
        self._marks = []
        self._queued = False
        self._clock.synchronize()
        self.mark("start")

    def mark(self, phase: str) -> None:
        """End `phase` here; it began at the mark before."""
        if self._is_cuda:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._marks.append((phase, event))
        else:
            self._marks.append((phase, self._clock.now_ns()))

    def after_backward(self) -> None:
        """Mark the return of backward(): what the hook's callback left over is exposed."""
        self.mark("exposed_comm" if self._queued else "backward")

    def attach(self, module: DistributedDataParallel) -> None:
        """Register the hook; DDP allows one, and it cannot be taken off."""
        module.register_comm_hook(None, self._hook)

    def _hook(self, state, bucket):  # type: ignore[no-untyped-def]  # torch compares the annotations
        del state
        if not self._queued:
            self._queued = True
            engine = torch.autograd.Variable._execution_engine
            engine.queue_callback(lambda: self.mark("backward"))
        return default_hooks.allreduce_hook(dist.group.WORLD, bucket)  # type: ignore[arg-type]

    def finish(
        self, record: Callable[[PhaseRecord], None], *, run_id: str, rank: int, step: int
    ) -> None:
        """End the step and hand one record a phase to `record`; together they are its wall time."""
        self.mark("other")
        self._clock.synchronize()
        totals = dict.fromkeys(PHASES, 0.0)
        for (_, begin), (phase, end) in zip(self._marks, self._marks[1:], strict=False):
            totals[phase] += self._seconds(begin, end)
        for phase, duration_s in totals.items():
            record(
                PhaseRecord(run_id=run_id, rank=rank, step=step, phase=phase, duration_s=duration_s)
            )

    def _seconds(self, begin: Any, end: Any) -> float:
        if self._is_cuda:
            return float(begin.elapsed_time(end)) * 1e-3
        return float(end - begin) * NS
