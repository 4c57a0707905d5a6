"""How the GPUs of a host are joined, as `nvidia-smi topo -m` names it."""

from __future__ import annotations

import json
from typing import Any

from ray_bench.measure.nvml import known

#: What two GPUs have in common on the way between them (nvml.h, nvmlGpuTopologyLevel_t).
_LEVELS: dict[int, str] = {
    0: "same board",
    10: "PIX",  # one PCIe switch
    20: "PXB",  # several PCIe switches
    30: "PHB",  # the host bridge
    40: "NODE",  # the NUMA node
    50: "SYS",  # the link between sockets
}
_SWITCH = 2  # nvml.h, NVML_NVLINK_DEVICE_TYPE_SWITCH


def gpu_topology(nvml: Any | None) -> str | None:
    """Return a JSON matrix of the links between a host's GPUs, in NVML's order.

    `NV4` is four NVLinks, directly or through switches; the rest is the way over PCIe; `X` is the
    GPU itself; null is unknown.

    Args:
        nvml: The library; None gives None.
    """
    count = known(nvml, nvml.nvmlDeviceGetCount) if nvml is not None else None
    if nvml is None or not count:
        return None
    handles = [known(nvml, nvml.nvmlDeviceGetHandleByIndex, i) for i in range(count)]
    links = [_nvlinks(nvml, handle) for handle in handles]
    matrix = [
        ["X" if i == j else _between(nvml, handles, links, i, j) for j in range(count)]
        for i in range(count)
    ]
    return json.dumps(matrix)


def _between(
    nvml: Any, handles: list[Any], links: list[dict[str, int]], i: int, j: int
) -> str | None:
    peer = _bus_id(known(nvml, nvml.nvmlDeviceGetPciInfo, handles[j]))
    direct = links[i].get(peer, 0) if peer != "unknown" else 0
    count = direct or min(links[i].get("switch", 0), links[j].get("switch", 0))
    if count:
        return f"NV{count}"
    level = known(nvml, nvml.nvmlDeviceGetTopologyCommonAncestor, handles[i], handles[j])
    return None if level is None else _LEVELS.get(int(level))


def _nvlinks(nvml: Any, handle: Any) -> dict[str, int]:
    """Return how many NVLinks a GPU has to each PCI bus id, and to `switch`."""
    found: dict[str, int] = {}
    for link in range(nvml.NVML_NVLINK_MAX_LINKS):
        if not known(nvml, nvml.nvmlDeviceGetNvLinkState, handle, link):
            continue
        kind = known(nvml, nvml.nvmlDeviceGetNvLinkRemoteDeviceType, handle, link)
        peer = known(nvml, nvml.nvmlDeviceGetNvLinkRemotePciInfo, handle, link)
        remote = "switch" if kind == _SWITCH else _bus_id(peer)
        found[remote] = found.get(remote, 0) + 1
    return found


def _bus_id(info: Any | None) -> str:
    if info is None:
        return "unknown"
    return info.busId.decode() if isinstance(info.busId, bytes) else str(info.busId)
