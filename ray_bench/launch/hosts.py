"""Which interface leads from a host to the others, and whether they reach each other. No Ray here.

Gloo takes the address that a host's name resolves to. On most cloud images that is loopback, and on
hosts with several interfaces often one that leads nowhere. The route to another host's address, as
Ray knows it, tells the interface that does.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from ray_bench.errors import HostsUnreachableError

GLOO, NCCL = "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"
#: TCP sends its first packet again after 1 s and after 3 s.
PATIENCE_S = 4.0
#: In the system's words: nobody listens there.
REFUSED = os.strerror(errno.ECONNREFUSED)
_MAX_NAMED = 3
_MAX_AT_ONCE = 64
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The host of a rank, as Ray and as people know it."""

    node_id: str
    address: str
    host_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the ranks of a host are reached."""

    host_name: str
    interface: str | None
    address: str
    port: int = 0

    def __str__(self) -> str:
        """Return what tells this host from others: host names repeat."""
        return f"{self.host_name} ({self.address}{f' on {self.interface}' * bool(self.interface)})"


def peer_of(node: Node, nodes: Sequence[Node]) -> Node:
    """Return the host whose route counts: that of rank 0, or for that one the next.

    Args:
        node: A rank's host.
        nodes: Of all ranks, shape (world_size,); at least two addresses are among them.
    """
    first = nodes[0]
    if node.address != first.address:
        return first
    return next(other for other in nodes if other.address != first.address)


def source_address(peer: str) -> str:
    """Return this host's address on the route to another one; nothing is sent.

    Raises:
        OSError: If there is no route.
    """
    family, kind, _, _, target = socket.getaddrinfo(peer, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0])


def addresses() -> dict[str, list[str]]:
    """Return the IP addresses of this host by interface, those of IPv4 first."""
    return {
        name: [one.address for family in _FAMILIES for one in found if one.family == family]
        for name, found in psutil.net_if_addrs().items()
    }


def interface_of(address: str) -> str | None:
    """Return the interface of this host that has an address."""
    return next((name for name, own in addresses().items() if address in own), None)


def endpoint(
    node: Node, nodes: Sequence[Node], environment: MutableMapping[str, str]
) -> Endpoint | str:
    """Return where the ranks of this host are to listen, or why they cannot.

    The environment gets the interface for gloo and NCCL, where nobody has set them.

    Args:
        node: This host.
        nodes: Of all ranks, shape (world_size,).
        environment: Of this rank's process.
    """
    peer = peer_of(node, nodes)
    try:
        address = source_address(peer.address)
    except OSError as err:
        return f"{node.host_name} ({node.address}) has no route to {peer.address}: {reason(err)}"
    interface = interface_of(address)
    if interface is not None:
        environment.setdefault(NCCL, f"={interface}")  # without the sign also eth01 for eth0
        environment.setdefault(GLOO, interface)
    chosen = environment.get(GLOO, "").split(",")[0]
    if chosen in ("", interface):
        return Endpoint(host_name=node.host_name, interface=interface, address=address)
    return _chosen_endpoint(node, chosen, is_ipv6=":" in peer.address)


def _chosen_endpoint(node: Node, interface: str, *, is_ipv6: bool) -> Endpoint | str:
    own = [x for x in addresses().get(interface, []) if not x.startswith("fe80")]
    if not own:
        there = ", ".join(sorted(set(addresses()) - {"lo"}))
        return f"{node.host_name} ({node.address}) has no address on {interface}; it has {there}"
    address = next((x for x in own if (":" in x) == is_ipv6), own[0])
    return Endpoint(host_name=node.host_name, interface=interface, address=address)


def listen(address: str, *, num_hosts: int) -> socket.socket:
    """Return a socket that the system answers for until it is closed; nobody has to accept."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, backlog=max(num_hosts, 16))


def unreachable(
    targets: Sequence[Endpoint], *, patience_s: float = PATIENCE_S
) -> list[tuple[Endpoint, str]]:
    """Connect to all targets at once; return those that could not be reached, and why."""
    with ThreadPoolExecutor(max_workers=min(len(targets), _MAX_AT_ONCE) or 1) as pool:
        reasons = list(pool.map(lambda target: _why_not(target, patience_s), targets))
    return [(x, why) for x, why in zip(targets, reasons, strict=True) if why is not None]


def _why_not(target: Endpoint, patience_s: float) -> str | None:
    try:
        socket.create_connection((target.address, target.port), timeout=patience_s).close()
    except TimeoutError:
        return f"no answer in {patience_s:g} s"
    except OSError as err:
        return reason(err)
    return None


def reason(err: OSError) -> str:
    """Return the system's words for an error."""
    return os.strerror(err.errno) if err.errno and err.errno > 0 else str(err)


def error_of(complaints: Sequence[str]) -> HostsUnreachableError:
    """Return the error that says which hosts cannot reach each other, and what to do."""
    named = "; ".join(complaints[:_MAX_NAMED])
    more = len(complaints) - _MAX_NAMED
    return HostsUnreachableError(
        f"The hosts of this run cannot reach each other: {named}"
        f"{f'; and {more} more' if more > 0 else ''}. Let the ranks through (firewall, security "
        f"group: all TCP ports between the hosts), or name the interface that connects them: "
        f"launch.env.{GLOO}=NAME, and {NCCL} for GPUs."
    )
