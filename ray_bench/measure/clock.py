"""The clock that every duration is read from."""

from __future__ import annotations

import time
from typing import Protocol, final

import torch


class Clock(Protocol):
    """What the training loop needs from a clock; tests pass one that they turn by hand."""

    def now_ns(self) -> int:
        """Return a monotonic time in nanoseconds; its zero has no meaning."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has finished everything that was asked of it."""
        ...


@final
class SystemClock:
    """The host's monotonic clock, and the synchronisation of one device."""

    def __init__(self, device: torch.device) -> None:
        self._is_cuda = device.type == "cuda"
        self._device = device

    def now_ns(self) -> int:
        """Return `time.perf_counter_ns()`."""
        return time.perf_counter_ns()

    def synchronize(self) -> None:
        """Wait for the CUDA device; on CPU nothing is asynchronous."""
        if self._is_cuda:
            torch.cuda.synchronize(self._device)
