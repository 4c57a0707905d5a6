"""Before the process group of a run is made: every rank finds its interface, hosts try each other.

Ray's hook for this moment is the backend of a trainer's configuration.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import ray
from ray.train.torch import TorchConfig
from ray.util import get_current_placement_group, get_node_ip_address, remove_placement_group

from ray_bench.launch import heartbeat, hosts
from ray_bench.launch.hosts import Endpoint, Node

_Backend: Any = TorchConfig().backend_cls


@dataclass
class HostsConfig(TorchConfig):
    """Ray's configuration of a process group, whose ranks look for each other first.

    Attributes:
        inbox: Where ranks say from then on where they are; None for silent ones.
        launch_id: Of the launch that they are part of.
    """

    inbox: Any = None
    launch_id: str = ""

    @property
    def backend_cls(self) -> Any:
        """Return what Ray calls before it makes the process group."""
        return HostsBackend


@final
class HostsBackend(_Backend):  # type: ignore[misc]  # Ray's backend, whatever it is called
    """Ray's backend after a look at the hosts."""

    def on_start(self, worker_group: Any, backend_config: TorchConfig) -> None:
        """Make the process group; free the places of the workers where that fails.

        Raises:
            HostsUnreachableError: If a host cannot reach another one.
        """
        looks = worker_group.execute(_look, backend_config)
        try:
            _connect(worker_group, [node for node, _ in looks])
            super().on_start(worker_group, backend_config)
        except BaseException:
            # Ray 2.60 forgets them, and the next run would wait for them.
            for group in {group for _, group in looks if group is not None}:
                remove_placement_group(group)
            raise


def here() -> Node:
    """Return the host of this process, as Ray knows it."""
    node_id = ray.get_runtime_context().get_node_id()
    address = get_node_ip_address()  # type: ignore[no-untyped-call]
    return Node(node_id=node_id, address=address, host_name=socket.gethostname())


def _look(config: Any) -> tuple[Node, Any]:
    if config.inbox is not None:
        heartbeat.begin(config.inbox, config.launch_id)
    return here(), get_current_placement_group()


def _connect(worker_group: Any, nodes: Sequence[Node]) -> None:
    """Let every rank choose its interface, and a rank of each host try all other hosts."""
    leaders = {node.address: rank for rank, node in reversed(list(enumerate(nodes)))}
    if len(leaders) == 1:
        return
    found = worker_group.execute(_listen, tuple(nodes), leaders)
    try:
        complaints = [x for x in found if isinstance(x, str)]
        if not complaints:
            ends = {rank: x for rank, x in enumerate(found) if rank in leaders.values()}
            complaints = [x for said in worker_group.execute(_try, ends) for x in said]
    finally:
        worker_group.execute(_close)
    if complaints:
        raise hosts.error_of(complaints)


#: Of this worker, while hosts try each other.
_listening: list[socket.socket] = []


def _listen(nodes: Sequence[Node], leaders: dict[str, int]) -> Endpoint | str | None:
    rank = ray.train.get_context().get_world_rank()
    node = nodes[rank]
    end = hosts.endpoint(node, nodes, os.environ)
    if isinstance(end, str) or leaders[node.address] != rank:
        return end if leaders[node.address] == rank else None
    try:
        server = hosts.listen(end.address, num_hosts=len(leaders))
    except OSError as err:
        return f"{end} cannot listen: {hosts.reason(err)}"
    _listening.append(server)
    return replace(end, port=server.getsockname()[1])


def _try(ends: dict[int, Endpoint]) -> list[str]:
    rank = ray.train.get_context().get_world_rank()
    if rank not in ends:
        return []
    others = [end for other, end in ends.items() if other != rank]
    return [f"{ends[rank]} cannot reach {end}: {why}" for end, why in hosts.unreachable(others)]


def _close() -> None:
    while _listening:
        _listening.pop().close()
