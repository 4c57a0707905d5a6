"""Energy counters, where the hardware has them. Unknown is None, never 0."""

from __future__ import annotations

from pathlib import Path
from typing import final

import torch

from ray_bench.measure.nvml import GpuHandle, known, rank_gpu

RAPL_ROOT = Path("/sys/class/powercap")


def _read_int(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


@final
class RaplMeter:
    """Energy of all CPU packages of this host, from Intel's and AMD's RAPL counters.

    Package domains are `intel-rapl:N`; their sub-domains are left out because they are contained.
    The counters wrap at `max_energy_range_uj`, at 200 W after some twenty minutes: each reading
    undoes one wrap since the reading before.
    """

    def __init__(self, root: Path = RAPL_ROOT) -> None:
        self._domains = sorted(
            path for path in root.glob("intel-rapl:*") if path.name.count(":") == 1
        )
        self._last_uj = self._read()
        self._used_uj: int | None = 0

    def _read(self) -> list[int] | None:
        values = [_read_int(domain / "energy_uj") for domain in self._domains]
        known = [value for value in values if value is not None]
        return known if known and len(known) == len(values) else None

    def joules(self) -> float | None:
        """Return the energy since the meter was made, or None without a readable counter."""
        now_uj = self._read()
        if self._used_uj is None or self._last_uj is None or now_uj is None:
            self._used_uj = None
            return None
        steps = list(map(self._difference_uj, self._domains, self._last_uj, now_uj))
        known = [step for step in steps if step is not None]
        self._last_uj = now_uj
        self._used_uj = self._used_uj + sum(known) if len(known) == len(steps) else None
        return None if self._used_uj is None else self._used_uj * 1e-6

    @staticmethod
    def _difference_uj(domain: Path, start: int, end: int) -> int | None:
        """Return the energy, or None where the counter has wrapped at a value nobody knows."""
        if end >= start:
            return end - start
        largest = _read_int(domain / "max_energy_range_uj")
        return None if largest is None else end - start + largest


@final
class NvmlMeter:
    """Energy of the GPU that a rank computes on, from NVML's counter (Volta and newer).

    A MIG slice has none: the counter of its GPU counts what the other slices do too.
    """

    def __init__(self, handle: GpuHandle | None) -> None:
        self._handle = handle
        self._start_mj = self._read_mj()

    def _read_mj(self) -> int | None:
        handle = self._handle
        if handle is None or handle.is_mig:
            return None
        nvml = handle.nvml
        energy_mj: int | None = known(nvml, nvml.nvmlDeviceGetTotalEnergyConsumption, handle.device)
        return energy_mj

    def joules(self) -> float | None:
        """Return the energy since the meter was made, or None without a counter."""
        end_mj = self._read_mj()
        if self._start_mj is None or end_mj is None:
            return None
        return (end_mj - self._start_mj) * 1e-3


EnergyMeter = NvmlMeter | RaplMeter


def rank_meter(device: torch.device, *, is_node_leader: bool) -> EnergyMeter | None:
    """Return the counter that this rank reads so that the run counts each device once.

    On CUDA every rank reads its GPU; on CPU the first rank of a host reads the whole host. None
    for a rank that has nothing to read.
    """
    if device.type == "cuda":
        return NvmlMeter(rank_gpu(device))
    return RaplMeter() if is_node_leader else None
