"""Where a step's time goes: the separate phase pass.

The instrument is a communication hook on DDP and a callback in autograd's queue (the form is Shen
Li's; the moments are those of DDP's own logger, reducer.cpp). The callback is queued by the first
gradient bucket and so runs when the backward computation is over but before DDP waits for its
buckets:

    backward      = from the call of backward() to that callback
    exposed_comm  = from that callback to the return of backward(); other ranks' stamps tell which
                    part of it was waiting for them

Of every bucket it notes when it was ready and when it was reduced. A Python hook costs about 0.1 ms
a bucket, therefore it never runs in the throughput pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import torch

from ray_bench.measure.clock import Clock
from ray_bench.measure.stamps import BucketStamps, StepStamps

#: A DDP communication hook, called as hook(state, bucket); returns a future of the gradients.
Hook = Callable[[Any, Any], "torch.futures.Future[Any]"]


class _Bucket:
    """A bucket on its way; stamps are what the probe takes them as."""

    def __init__(self, num_bytes: int, ready: Any) -> None:
        self.num_bytes = num_bytes
        self.ready = ready
        self.end: Any = None


@final
class PhaseProbe:
    """Marks where phases end: clock stamps on CPU, events on the stream in use on CUDA.

    Events are put on the host's clock by the start of the step, where the device is idle and the
    host and the device stamp one moment.
    """

    def __init__(self, clock: Clock, device: torch.device) -> None:
        self._clock = clock
        self._is_cuda = device.type == "cuda"
        self._marks: list[tuple[str, Any]] = []
        self._buckets: list[_Bucket] = []
        self._start_ns = 0
        self._num_before = 0  # buckets of earlier backward passes of the step

    def start(self) -> None:
        """Begin a step."""
        self._marks = []
        self._buckets = []
        self._num_before = 0
        self._clock.synchronize()
        self.mark("start")
        self._start_ns = self._clock.now_ns() if self._is_cuda else self._marks[0][1]

    def mark(self, phase: str) -> None:
        """End `phase` here; it began at the mark before."""
        self._marks.append((phase, self._stamp()))

    @property
    def has_reduced(self) -> bool:
        """Whether the last backward pass has sent gradients."""
        return len(self._buckets) > self._num_before

    def before_backward(self) -> None:
        """Begin a backward pass; needed where a step has several."""
        self._num_before = len(self._buckets)

    def after_backward(self) -> None:
        """Mark the return of backward(): what the hook's callback left over is exposed."""
        self.mark("exposed_comm" if self.has_reduced else "backward")

    def hook(self, inner: Hook) -> Hook:
        """Return a communication hook that does what `inner` does, and stamps it."""

        def stamped(state, bucket):  # type: ignore[no-untyped-def]  # torch compares annotations
            if len(self._buckets) == self._num_before:
                engine = torch.autograd.Variable._execution_engine
                engine.queue_callback(lambda: self.mark("backward"))
            ours = _Bucket(_nbytes(bucket.buffer()), self._stamp())
            self._buckets.append(ours)

            def done(future: torch.futures.Future[Any]) -> Any:
                # On CUDA the current stream is now one that waits for the reduction.
                ours.end = self._stamp()
                return future.value()

            return inner(state, bucket).then(done)

        return stamped

    def finish(self, step: int) -> StepStamps:
        """End the step and return it; all of its phases together are its wall time."""
        self.mark("other")
        self._clock.synchronize()
        return StepStamps(
            step=step,
            marks=tuple((phase, self._ns(stamp)) for phase, stamp in self._marks),
            buckets=tuple(
                BucketStamps(
                    num_bytes=bucket.num_bytes,
                    ready_ns=self._ns(bucket.ready),
                    end_ns=self._ns(bucket.end),
                )
                for bucket in self._buckets
            ),
        )

    def _stamp(self) -> Any:
        if not self._is_cuda:
            return self._clock.now_ns()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _ns(self, stamp: Any) -> int:
        if not self._is_cuda:
            return int(stamp)
        _, start = self._marks[0]
        return self._start_ns + round(float(start.elapsed_time(stamp)) * 1e6)


def _nbytes(buffer: torch.Tensor) -> int:
    if buffer.is_sparse:
        return buffer._indices().nbytes + buffer._values().nbytes
    return buffer.nbytes
