"""Whether workers fit on the hosts of a cluster, now or ever, host by host. No Ray here.

Ray waits a minute and more for places that cannot be there, three times, and says only that it
waited.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ray_bench.config.labels import matches
from ray_bench.config.placements import ANYWHERE, Placement

Strategy = Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"]

_MAX_NAMED = 4
_MAX_COMMAND = 60
_SLACK = 1e-6  # Ray counts resources in ten thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A node of the cluster, as Ray counts it."""

    node_id: str
    address: str
    total: Mapping[str, float]  # resources by name
    free: Mapping[str, float] | None = None  # None where Ray does not tell
    answers: bool = True  # False: cut off, and not yet given up by Ray
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people know it by, and the beginning of what Ray knows it by."""
        return f"{self.address} (node {self.node_id[:8]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The places of a run: so many workers, each on one host as a whole."""

    num_workers: int
    per_worker: Mapping[str, float]  # resources by name
    strategy: Strategy
    asked: Placement = ANYWHERE
    labels: Mapping[str, str] = field(default_factory=dict)  # that a host must have

    @property
    def of_a_worker(self) -> str:
        """Return e.g. `2 CPUs and 1 GPU`."""
        return " and ".join(amount(name, value) for name, value in self.per_worker.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Another Ray job, and what it holds as far as Ray tells."""

    job_id: str
    entrypoint: str = ""  # its command line
    held: Mapping[str, float] = field(default_factory=dict)  # of the resources that are asked for

    def __str__(self) -> str:
        """Return e.g. `job 03000000 (python train.py) holds 2 CPUs`."""
        command = " ".join(self.entrypoint.split())
        command = command if len(command) <= _MAX_COMMAND else f"{command[: _MAX_COMMAND - 3]}..."
        held = " and ".join(amount(name, value) for name, value in self.held.items())
        name = f"job {self.job_id}{f' ({command})' * bool(command)}"
        return f"{name} holds {held}" if held else f"{name} is running"


def amount(name: str, value: float) -> str:
    """Return e.g. `2 CPUs`, `1 GPU`."""
    return f"{value:g} {name}{'s' * (value != 1)}"


def room(resources: Mapping[str, float], per_worker: Mapping[str, float]) -> int:
    """Return how many workers fit on a host."""
    asked = {name: value for name, value in per_worker.items() if value > 0}
    places = (resources.get(name, 0.0) / value for name, value in asked.items())
    return max(0, math.floor(min(places, default=math.inf) + _SLACK))


def able(demand: Demand, hosts: Sequence[Host]) -> list[Host]:
    """Return the hosts that workers may be on at all."""
    return [host for host in hosts if matches(host.labels, demand.labels)]


def most(demand: Demand, rooms: Sequence[int]) -> int:
    """Return how many workers can be placed, given the room of each host."""
    nodes, each = demand.asked.num_nodes, demand.asked.workers_per_node
    if nodes is not None and each is not None:
        return min(nodes, sum(places >= each for places in rooms)) * each
    if demand.strategy == "STRICT_PACK":
        return max(rooms, default=0)
    if demand.strategy == "STRICT_SPREAD":
        return sum(places > 0 for places in rooms)
    return sum(rooms)


def why_never(demand: Demand, hosts: Sequence[Host]) -> str | None:
    """Return why a cluster of these hosts can never place the workers; None where it can."""
    hosts = able(demand, hosts)
    rooms = [room(host.total, demand.per_worker) for host in hosts]
    if most(demand, rooms) >= demand.num_workers:
        return None
    each = f"of {demand.of_a_worker}"
    asked = {
        "STRICT_PACK": f"{demand.num_workers} workers {each} on one host",
        "STRICT_SPREAD": f"{demand.num_workers} workers {each} on as many hosts",
    }.get(demand.strategy, f"{demand.num_workers} workers {each}")
    named = _some([f"{h.name} has room for {r}" for h, r in zip(hosts, rooms, strict=True)])
    name = demand.asked.name
    how = f"launch.placement={demand.strategy}" if name is None else f"placement {name}"
    labels = f" with the labels {dict(demand.labels)}" if demand.labels else ""
    return (
        f"asked {asked} ({how}), the cluster can give "
        f"{most(demand, rooms)}: {named or f'it has no host{labels}'}"
    )


def num_lacking(demand: Demand, hosts: Sequence[Host]) -> int:
    """Return how many workers have no place now; 0 where Ray does not tell what is free."""
    hosts = able(demand, hosts)
    if any(host.free is None for host in hosts):
        return 0
    rooms = [room(host.free or {}, demand.per_worker) for host in hosts]
    return max(0, demand.num_workers - most(demand, rooms))


def is_crowded(demand: Demand, hosts: Sequence[Host]) -> bool:
    """Tell whether Ray would put the workers elsewhere now than on an idle cluster.

    A run that has just ended holds its places for a moment. Meanwhile `SPREAD` takes fewer hosts,
    and `PACK` more, than they do with all places free.
    """
    hosts = able(demand, hosts)
    if any(host.free is None for host in hosts):
        return False
    free = _num_hosts(demand, [room(host.free or {}, demand.per_worker) for host in hosts])
    idle = _num_hosts(demand, [room(host.total, demand.per_worker) for host in hosts])
    return free != idle


def _num_hosts(demand: Demand, rooms: Sequence[int]) -> int:
    """Return how many hosts a strategy without a promise would take."""
    if demand.strategy == "SPREAD":
        return min(demand.num_workers, sum(places > 0 for places in rooms))
    if demand.strategy != "PACK":
        return 0
    placed, count = 0, 0
    for places in sorted(rooms, reverse=True):
        if placed < demand.num_workers:
            placed, count = placed + places, count + 1
    return count


def waiting_for(demand: Demand, hosts: Sequence[Host], holders: Sequence[Holder]) -> str:
    """Return what is waited for, what is free on which host, and who holds the rest."""
    hosts, lacking = able(demand, hosts), num_lacking(demand, hosts)
    places = f"{lacking} place{'s' * (lacking != 1)} of {demand.of_a_worker}"
    short = [
        host
        for host in hosts
        if room(host.free or {}, demand.per_worker) < room(host.total, demand.per_worker)
    ]
    free = _some([f"{host.address} {_free(host, demand)}" for host in short])
    held = _some([str(holder) for holder in holders])
    return "; ".join(x for x in (f"waiting for {places}: {free}", held) if x)


def _free(host: Host, demand: Demand) -> str:
    if not host.answers:
        return "does not answer"
    there = [
        f"{(host.free or {}).get(name, 0.0):g} of {amount(name, host.total.get(name, 0.0))}"
        for name in demand.per_worker
    ]
    return f"has {' and '.join(there)} free"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _MAX_NAMED
    return ", ".join(texts[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
