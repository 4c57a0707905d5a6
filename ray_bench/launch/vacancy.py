"""What the connected cluster has free now, and waiting for it before a launch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from ray_bench.config.placements import ANYWHERE, Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.launch import hosts
from ray_bench.launch.failures import Failure
from ray_bench.launch.places import Demand, Host, is_crowded, num_lacking, waiting_for, why_never
from ray_bench.launch.placing import (
    asked_of,
    difference,
    rooms_of,
    strategy_of,
    worker_resources,
)
from ray_bench.launch.requests import Launch
from ray_bench.launch.tuned import can_grow, free_by_node, holders

POLL_S = 0.25
#: Ray's view of what is free is a second old at times; who waits less has waited for nobody.
UNTOLD_S = 1.5
TELL_EVERY_S = 30.0
#: How long the places of the run before may keep a run from where it would be on an idle cluster.
CROWDED_S = 4.0
#: How long a host may take to answer before it counts as cut off.
ANSWER_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The cluster at one moment."""

    hosts: tuple[Host, ...]  # that are alive
    can_grow: bool  # an autoscaler may add hosts


def demand_of(
    config: SweepConfig, world_size: int, asked: Placement = ANYWHERE, *, use_gpu: bool
) -> Demand:
    """Return the places that a run needs."""
    return Demand(
        num_workers=world_size,
        per_worker=worker_resources(config, use_gpu=use_gpu),
        strategy=strategy_of(config, asked),
        asked=asked,
        labels=config.launch.labels,
    )


def demand_of_launch(launch: Launch) -> Demand:
    """Return the places that a launch needs."""
    work = launch.work
    asked = asked_of(work.point)
    return demand_of(launch.config, work.world_size, asked, use_gpu=launch.use_gpu)


def look(*, asks: bool = True) -> Look:
    """Look at the hosts that are alive.

    Args:
        asks: Whether to ask each host itself; Ray misses one that is gone after a while only.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    free = free_by_node()
    silent = _silent(nodes) if asks else {}
    found = []
    for node in nodes:
        node_id, why = node["NodeID"], silent.get(node["NodeID"])
        if why == hosts.REFUSED:
            continue  # Ray's process there is gone, and cannot come back as this node
        left = None if free is None else free.get(node_id, {})
        found.append(
            Host(
                node_id=node_id,
                address=node["NodeManagerAddress"],
                total=node["Resources"],
                free=left if why is None else {},
                answers=why is None,
                labels=node.get("Labels") or {},
            )
        )
    return Look(hosts=tuple(found), can_grow=can_grow())


def _silent(nodes: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the nodes whose Ray process cannot be reached from here, and why, by node id."""
    here = ray.get_runtime_context().get_node_id()
    ends = {
        hosts.Endpoint(
            host_name=node["NodeID"],
            interface=None,
            address=node["NodeManagerAddress"],
            port=node["NodeManagerPort"],
        ): node["NodeID"]
        for node in nodes
        if node["NodeID"] != here
    }
    failed = hosts.unreachable(list(ends), patience_s=ANSWER_S) if ends else []
    return {ends[end]: why for end, why in failed}


def lost(before: Sequence[Host], now: Sequence[Host]) -> list[Host]:
    """Return the hosts that were there and are not any more."""
    alive = {host.node_id for host in now}
    return [host for host in before if host.node_id not in alive]


def never(demand: Demand, before: Sequence[Host], seen: Look) -> Failure | None:
    """Return the failure of a launch that the cluster, as it is now, can never place."""
    why = None if seen.can_grow else why_never(demand, seen.hosts)
    if why is None:
        return None
    gone = lost(before, seen.hosts)
    if not gone:
        return Failure("ClusterCapacityError", f"{why[0].upper()}{why[1:]}.", None)
    return Failure("HostLost", f"{lost_words(gone)} {why[0].upper()}{why[1:]}.", None)


def narrowed(
    asked: Placement,
    nodes: Sequence[str],
    config: SweepConfig,
    before: Sequence[Host],
    *,
    use_gpu: bool,
    look: Callable[[], Look] = look,
) -> str | None:
    """Return how the place of a run differs from what it would be, had no host been lost.

    None where it does not, or where an autoscaler takes hosts away and brings others.

    Args:
        asked: Where it was to be; `spread` over what there is.
        nodes: Node of every rank, shape (world_size,).
        config: Of the sweep.
        before: The hosts when the sweep began.
        use_gpu: Whether workers have GPUs.
        look: Looks at the cluster, where that is needed.
    """
    words = difference(asked, nodes, rooms_of(before, config, use_gpu=use_gpu))
    if words is None:
        return None
    seen = look()
    here = {host.address for host in seen.hosts if host.answers}  # who joined again has another id
    gone = [host for host in before if host.address not in here]
    return f"{words}. {lost_words(gone)}" if gone and not seen.can_grow else None


def lost_words(gone: Sequence[Host]) -> str:
    """Return which hosts are lost, and what to do."""
    names = ", ".join(host.name for host in gone)
    verbs = "is lost: it was" if len(gone) == 1 else "are lost: they were"
    address = ray.get_runtime_context().gcs_address
    return (
        f"Host {names} {verbs} alive when the sweep began. Join it again (`ray start "
        f"--address={address}`), then use --resume."
    )


def wait_for(
    demand: Demand,
    before: Sequence[Host],
    *,
    limit_s: float,
    tell: Callable[[str], None],
    clock_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    look: Callable[[], Look] = look,
) -> float | Failure:
    """Wait until the places of a launch are free; return the seconds that it took, or why not.

    Args:
        demand: The places.
        before: The hosts when the sweep began.
        limit_s: Longer is `PlacesTaken`.
        tell: Told whom it waits for, at once and every half minute.
        clock_s: Seconds that only grow.
        sleep: Waits so many seconds.
        look: Looks at the cluster.
    """
    begin_s = clock_s()
    told_s = None
    while True:
        seen = look()
        if failure := never(demand, before, seen):
            return failure
        waited_s = clock_s() - begin_s
        # An autoscaler adds hosts when workers wait for them, not before.
        if seen.can_grow:
            return waited_s
        is_free = num_lacking(demand, seen.hosts) == 0
        if is_free and (waited_s >= CROWDED_S or not is_crowded(demand, seen.hosts)):
            return waited_s
        if waited_s >= limit_s and not is_free:
            words = waiting_for(demand, seen.hosts, holders(demand.per_worker))
            return Failure("PlacesTaken", _taken(words, limit_s), None)
        tell_at_s = UNTOLD_S if told_s is None else told_s + TELL_EVERY_S
        if waited_s >= tell_at_s and not is_free:
            tell(waiting_for(demand, seen.hosts, holders(demand.per_worker)))
            told_s = waited_s
        sleep(POLL_S)


def _taken(words: str, limit_s: float) -> str:
    return (
        f"Gave up after {limit_s:g} s of {words}. Wait until the other job has ended, ask for "
        "fewer workers, or let runs wait longer with launch.wait_s."
    )
