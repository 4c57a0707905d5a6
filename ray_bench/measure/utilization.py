"""How busy, fast and hot a rank's GPU is while it trains, read from NVML by a thread.

The thread sleeps between two readings, twice a second, and NVML answers from the driver without
stopping the device.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from types import TracebackType
from typing import Any, Self, final

import torch

from ray_bench.measure.nvml import GpuHandle, known, rank_gpu

INTERVAL_S = 0.5

#: NVML's bits for why a clock is lower than it could be (nvml.h, nvmlClocksEventReasons). That a
#: GPU is idle, or drives a display, is left out: neither says anything about the run.
_REASONS: dict[int, str] = {
    0x02: "application clocks",
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
#: Those that mean heat or a fault. Under its power cap a GPU runs as it was built to.
SLOWING = frozenset(
    ("hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "power brake")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """What NVML saw of one or more GPUs; None where it does not tell."""

    util_frac: float | None  # share of the time in which a kernel ran
    memory_util_frac: float | None  # share of the time in which device memory was accessed
    clock_mhz: float | None  # of the multiprocessors, mean
    temperature_c: float | None  # highest
    throttle_reasons: tuple[str, ...] | None  # empty: none was seen

    @property
    def is_throttled(self) -> bool:
        """Whether heat or a fault slowed the device."""
        return bool(SLOWING.intersection(self.throttle_reasons or ()))


@final
class GpuWatch:
    """Reads a GPU's state while the `with` block runs.

    Args:
        handle: From `measure.nvml`; None watches nothing.
        interval_s: Between two readings.
    """

    def __init__(self, handle: GpuHandle | None, interval_s: float = INTERVAL_S) -> None:
        self._handle = handle
        self._interval_s = interval_s
        self._samples: list[GpuUse] = []
        self._error: Exception | None = None  # that ended the readings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._handle is not None:
            self._thread = threading.Thread(target=self._watch, name="gpu-watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._stop.set()
            self._thread.join()

    def _watch(self) -> None:
        try:
            self._read_until_the_end()
        except Exception as err:  # noqa: BLE001  # `use` raises it again
            self._error = err

    def _read_until_the_end(self) -> None:
        assert self._handle is not None, "__enter__ starts the thread only with a handle"
        is_over = False
        while not is_over:
            is_over = self._stop.wait(self._interval_s)
            # A block that is shorter than the interval is read once, at its end.
            if not is_over or not self._samples:
                self._samples.append(read_use(self._handle))

    @property
    def use(self) -> GpuUse | None:
        """All readings together; None without NVML. Raises what a reading raised."""
        if self._error is not None:
            raise self._error
        return join_uses(self._samples)


def watch_gpu(device: torch.device) -> GpuWatch:
    """Return a watch of the GPU that a rank computes on; on CPU it watches nothing."""
    return GpuWatch(rank_gpu(device))


def read_use(handle: GpuHandle) -> GpuUse:
    """Return the device's state now.

    A MIG slice has no utilisation of its own; its clock, temperature and slowdowns are the GPU's.
    """
    nvml, gpu = handle.nvml, handle.physical
    rates = known(nvml, nvml.nvmlDeviceGetUtilizationRates, handle.device)
    clock = known(nvml, nvml.nvmlDeviceGetClockInfo, gpu, nvml.NVML_CLOCK_SM)
    heat = known(nvml, nvml.nvmlDeviceGetTemperature, gpu, nvml.NVML_TEMPERATURE_GPU)
    bits = known(nvml, nvml.nvmlDeviceGetCurrentClocksThrottleReasons, gpu)
    return GpuUse(
        util_frac=None if rates is None else rates.gpu / 100,
        memory_util_frac=None if rates is None else rates.memory / 100,
        clock_mhz=None if clock is None else float(clock),
        temperature_c=None if heat is None else float(heat),
        throttle_reasons=None if bits is None else reasons_of(bits),
    )


def reasons_of(bits: int) -> tuple[str, ...]:
    """Return NVML's reasons for a lower clock in words."""
    return tuple(words for bit, words in _REASONS.items() if bits & bit)


def join_uses(uses: Sequence[GpuUse | None]) -> GpuUse | None:
    """Return readings of one GPU, or the use of several, as one: means, and the highest heat.

    None where one GPU is unknown: the others do not stand for it.
    """
    seen = [use for use in uses if use is not None]
    if not seen or len(seen) < len(uses):
        return None
    heats = _all_known(use.temperature_c for use in seen)
    reasons = _all_known(use.throttle_reasons for use in seen)
    return GpuUse(
        util_frac=_mean(use.util_frac for use in seen),
        memory_util_frac=_mean(use.memory_util_frac for use in seen),
        clock_mhz=_mean(use.clock_mhz for use in seen),
        temperature_c=max(heats) if heats else None,
        throttle_reasons=_union(reasons) if reasons else None,
    )


def _all_known(values: Iterable[Any]) -> list[Any]:
    """Return the values; nothing if one of them is unknown."""
    found = list(values)
    return [] if any(value is None for value in found) else found


def _mean(values: Iterable[float | None]) -> float | None:
    found = _all_known(values)
    return fmean(found) if found else None


def _union(reasons: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    seen = {words for some in reasons for words in some}
    return tuple(words for words in _REASONS.values() if words in seen)
