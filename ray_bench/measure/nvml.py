"""NVML, and the physical device behind a torch device. Absent library or device: None.

NVML counts the devices of the host; torch those that CUDA_VISIBLE_DEVICES leaves, in its own order.
Only the UUID joins the two. A MIG slice has a UUID of its own, `MIG-...`, and much of NVML answers
for whole GPUs alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuHandle:
    """NVML's handle of the device that a rank computes on."""

    nvml: Any
    device: Any  # the GPU, or the MIG slice of it
    physical: Any  # the GPU; the same where it is not sliced

    @property
    def is_mig(self) -> bool:
        """Whether the rank has a slice of the GPU."""
        return self.device is not self.physical


def load() -> Any | None:
    """Return the initialised library; None without the library, or without a GPU and its driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def known(nvml: Any, call: Callable[..., Any], *arguments: Any) -> Any | None:
    """Return what an NVML function returns; None where the device does not tell."""
    try:
        return call(*arguments)
    except nvml.NVMLError:
        return None


def torch_uuid(device: torch.device) -> str:
    """Return the UUID that CUDA gives a device, with or without a prefix as CUDA likes it."""
    return str(torch.cuda.get_device_properties(device).uuid)


def rank_gpu(device: torch.device) -> GpuHandle | None:
    """Return the handle of the GPU that a rank computes on; None on CPU and without NVML."""
    nvml = load() if device.type == "cuda" else None
    if nvml is None:
        return None
    return handle_of(nvml, torch_uuid(device), ordinal=device.index or 0)


def handle_of(nvml: Any, uuid: str, *, ordinal: int = 0) -> GpuHandle | None:
    """Return the handle of a device; None if NVML knows none of its names.

    Args:
        nvml: The library.
        uuid: From `torch_uuid`.
        ordinal: The device's place in CUDA_VISIBLE_DEVICES, which may name it too.
    """
    for name in _names(uuid, ordinal):
        device = known(nvml, nvml.nvmlDeviceGetHandleByUUID, name)
        if device is not None:
            return GpuHandle(nvml=nvml, device=device, physical=_physical(nvml, device, name))
    return None


def _names(uuid: str, ordinal: int) -> Iterator[str]:
    bare = uuid.removeprefix("GPU-").removeprefix("MIG-")
    yield from (f"GPU-{bare}", f"MIG-{bare}")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    if ordinal < len(visible) and visible[ordinal].strip().startswith(("GPU-", "MIG-")):
        yield visible[ordinal].strip()


def _physical(nvml: Any, device: Any, name: str) -> Any:
    if not name.startswith("MIG-"):
        return device
    parent = known(nvml, nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, device)
    return device if parent is None else parent
