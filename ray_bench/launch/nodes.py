"""The nodes of a cluster and what is free on them, read off the dashboard's page of nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: A line of Ray's summary of a node: `2.0/4.0 CPU (1.0 used of 3.0 reserved in placement groups)`.
_USAGE = re.compile(
    r"([\d.]+)/([\d.]+) (CPU|GPU)(?: \(([\d.]+) used of ([\d.]+) reserved in placement groups\))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """So many of a resource."""

    total: float
    free: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node as Ray counts it.

    Attributes:
        name: Of the host.
        address: Its IP address.
        is_head: Whether Ray's own services are there.
        is_alive: False: Ray has given it up.
        cpus: None where Ray does not tell yet.
        gpus: The same.
        memory_bytes: Of the machine, of all its processes; None where Ray does not tell.
        gpu_names: The kinds of its GPUs, each once.
    """

    name: str
    address: str
    is_head: bool
    is_alive: bool
    cpus: Amount | None
    gpus: Amount | None
    memory_bytes: Amount | None
    gpu_names: tuple[str, ...] = ()


def nodes_of(answer: Any) -> tuple[Node, ...]:
    """Return the nodes, the head first, then those that live; none if the answer does not tell.

    Args:
        answer: Of `GET /nodes?view=summary`. Ray tells what is used as text, by the id of a node or
            by its address.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        return ()
    usage = data.get("nodeLogicalResources") or {}
    found = [_node(x, usage) for x in data.get("summary") or () if x.get("raylet")]
    return tuple(sorted(found, key=lambda x: (not x.is_alive, not x.is_head, x.name, x.address)))


def _node(entry: Mapping[str, Any], usage: Mapping[str, str]) -> Node:
    raylet = entry["raylet"]
    address = str(entry.get("ip") or raylet.get("nodeManagerAddress") or "")
    is_alive = raylet.get("state") == "ALIVE"
    text = usage.get(raylet.get("nodeId", "")) or usage.get(address) or ""
    have = _amounts(text) if is_alive else {}
    names = (str(gpu["name"]) for gpu in entry.get("gpus") or () if gpu.get("name"))
    return Node(
        name=str(entry.get("hostname") or raylet.get("nodeManagerHostname") or address),
        address=address,
        is_head=bool(raylet.get("isHeadNode")),
        is_alive=is_alive,
        cpus=have.get("CPU"),
        gpus=have.get("GPU"),
        memory_bytes=_memory(entry.get("mem")) if is_alive else None,
        gpu_names=tuple(dict.fromkeys(names)),
    )


def _amounts(text: str) -> dict[str, Amount]:
    """Return what a summary says; what is reserved is not free, used or not."""
    found = {}
    if text:  # a node without a CPU for Ray has no line for it
        found = {"CPU": Amount(total=0, free=0), "GPU": Amount(total=0, free=0)}
    for line in text.splitlines():
        match = _USAGE.fullmatch(line.strip())
        if match is not None:
            used, total, in_use, reserved = (float(match[i] or 0) for i in (1, 2, 4, 5))
            taken = used - in_use + reserved
            found[match[3]] = Amount(total=total, free=max(0.0, total - taken))
    return found


def _memory(given: Any) -> Amount | None:
    """Return memory from psutil's [total, available, percent, used]."""
    if not isinstance(given, list) or len(given) < 2:
        return None
    return Amount(total=float(given[0]), free=float(given[1]))
