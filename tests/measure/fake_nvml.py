"""A pynvml that is made of dictionaries: what is not in one is not supported, as in the library."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class FakeNvml:
    """Devices by UUID, in order; a device is a dictionary of what it answers."""

    NVML_CLOCK_SM = 1
    NVML_TEMPERATURE_GPU = 0
    NVML_NVLINK_MAX_LINKS = 4

    class NVMLError(Exception):
        pass

    def __init__(self, **devices: dict[str, Any]) -> None:
        self.devices = {name.replace("_", "-"): values for name, values in devices.items()}
        self.num_reads = 0

    def _get(self, device: dict[str, Any], name: str) -> Any:
        if name not in device:
            raise self.NVMLError(f"{name}: not supported")
        return device[name]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> Any:  # noqa: N802
        return self._get(self.devices, uuid)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        return list(self.devices.values())[index]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, device: Any) -> Any:  # noqa: N802
        return self.devices[self._get(device, "parent")]

    def nvmlDeviceGetUtilizationRates(self, device: Any) -> Any:  # noqa: N802
        self.num_reads += 1
        gpu, memory = self._get(device, "rates")
        return SimpleNamespace(gpu=gpu, memory=memory)

    def nvmlDeviceGetClockInfo(self, device: Any, kind: int) -> int:  # noqa: N802
        return self._get(device, "clock")

    def nvmlDeviceGetTemperature(self, device: Any, kind: int) -> int:  # noqa: N802
        return self._get(device, "heat")

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, device: Any) -> int:  # noqa: N802
        return self._get(device, "reasons")

    def nvmlDeviceGetTotalEnergyConsumption(self, device: Any) -> int:  # noqa: N802
        return self._get(device, "energy_mj")

    def nvmlDeviceGetPciInfo(self, device: Any) -> Any:  # noqa: N802
        return SimpleNamespace(busId=self._get(device, "bus"))

    def nvmlDeviceGetNvLinkState(self, device: Any, link: int) -> int:  # noqa: N802
        return int(link < len(self._get(device, "links")))

    def nvmlDeviceGetNvLinkRemoteDeviceType(self, device: Any, link: int) -> int:  # noqa: N802
        return 2 if device["links"][link] == "switch" else 0

    def nvmlDeviceGetNvLinkRemotePciInfo(self, device: Any, link: int) -> Any:  # noqa: N802
        return SimpleNamespace(busId=device["links"][link])

    def nvmlDeviceGetTopologyCommonAncestor(self, one: Any, other: Any) -> int:  # noqa: N802
        return self._get(one, "level")
