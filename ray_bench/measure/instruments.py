"""Memory, energy and utilisation of one rank while it trains. What fails is told, never raised."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar, final

import torch

from ray_bench.measure.energy import EnergyMeter, rank_meter
from ray_bench.measure.memory import peak_memory_bytes
from ray_bench.measure.utilization import GpuUse, GpuWatch, watch_gpu

T = TypeVar("T")

#: Told of what an instrument raised.
Failed = Callable[[Exception], None]


@final
class Instruments:
    """Reads while the `with` block runs.

    Args:
        device: That this rank computes on.
        is_node_leader: Whether it is the first rank of its host.
        failed: Told of the first error.

    Attributes:
        reads_energy: Whether this rank has a counter to read.
        energy_j: None without a counter that can be read.
        peak_memory_bytes: None where it cannot be read.
        gpu: None on CPU and without NVML.
    """

    def __init__(self, device: torch.device, *, is_node_leader: bool, failed: Failed) -> None:
        self.energy_j: float | None = None
        self.peak_memory_bytes: int | None = None
        self.gpu: GpuUse | None = None
        self._device = device
        self._failed = failed
        self._num_failed = 0
        self._watch: GpuWatch | None = None
        self._meter: EnergyMeter | None = self._tried(
            lambda: rank_meter(device, is_node_leader=is_node_leader)
        )
        self.reads_energy = self._meter is not None or self._num_failed > 0

    def __enter__(self) -> Self:
        self._watch = self._tried(lambda: watch_gpu(self._device).__enter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        watch = self._watch
        if watch is not None:
            self._tried(lambda: watch.__exit__(kind, error, trace))
            self.gpu = self._tried(lambda: watch.use)
        if error is None:
            self.energy_j = self.read_energy()
            self.peak_memory_bytes = self._tried(lambda: peak_memory_bytes(self._device))

    def read_energy(self) -> float | None:
        """Return the joules so far. A CPU's counter wraps; every reading undoes one wrap."""
        if self._meter is None:
            return None
        before = self._num_failed
        energy_j = self._tried(self._meter.joules)
        if self._num_failed > before:
            self._meter = None  # a wrap may have been missed
        return energy_j

    def _tried(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Exception as err:  # noqa: BLE001  # drivers and their libraries raise anything
            self._num_failed += 1
            if self._num_failed == 1:
                self._failed(err)
        return None
