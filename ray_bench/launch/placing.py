"""Where Ray is asked to put the workers of a run, and whether it did."""

from __future__ import annotations

import inspect
import time
import typing
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import ray
from ray.train import ScalingConfig

from ray_bench.config.labels import matches
from ray_bench.config.placements import ANYWHERE, Placement
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import LaunchError, PlacementError
from ray_bench.launch import places
from ray_bench.launch.places import Strategy
from ray_bench.launch.tuned import free_by_node
from ray_bench.records import Point

#: How often, and how far apart, it is looked whether nodes are free; then others are taken.
_LOOKS, _LOOK_S = 6, 0.5
#: The label by which Ray knows a node.
_NODE_ID = "ray.io/node-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A node of the cluster, with its room for workers."""

    node_id: str
    address: str
    room: int  # workers that it can hold
    free: int  # workers that it can hold now


def asked_of(point: Point) -> Placement:
    """Return the place that a point asks for."""
    return Placement(point.placement, point.num_nodes, point.workers_per_node)


def check(config: SweepConfig, *, use_gpu: bool) -> None:
    """Check that the installed Ray can place the workers of a sweep as it asks.

    Raises:
        LaunchError: If it cannot; says what to leave out.
    """
    if config.launch.gpu_type is not None and not use_gpu:
        raise LaunchError(
            f"launch.gpu_type={config.launch.gpu_type} asks for GPUs, and this sweep runs on CPUs; "
            "take use_gpu=true, or leave launch.gpu_type out."
        )
    _check_labels(config)
    for size in config.world_sizes:
        for asked in config.placements_of(size):
            if _needs_nodes(asked) and not _names_nodes():
                _check_even(hosts_of(config, use_gpu=use_gpu), asked)


def _check_labels(config: SweepConfig) -> None:
    if config.launch.labels and _label_selector() is None:
        raise LaunchError(
            f"Ray {ray.__version__} cannot do what launch.labels asks for: its ScalingConfig takes "
            "no label_selector. Leave it out, or install a newer Ray."
        )


def _check_even(hosts: Sequence[Host], asked: Placement) -> None:
    """Check that spreading workers evenly is NxM: there are N nodes and no more."""
    if len(hosts) != asked.num_nodes:
        raise LaunchError(
            f"The placement {asked.name} needs a cluster of exactly {asked.num_nodes} nodes with "
            f"room for workers, got {len(hosts)}: the ScalingConfig of Ray {ray.__version__} takes "
            "no label_selector for each worker, which would name the nodes. Take pack, spread, 1xM "
            "or Nx1, which go with any Ray, or install a newer Ray."
        )


def _label_selector() -> inspect.Parameter | None:
    return inspect.signature(ScalingConfig).parameters.get("label_selector")


def _names_nodes() -> bool:
    """Whether every worker can be given a selector of its own."""
    parameter = _label_selector()
    kinds = [] if parameter is None else [parameter.annotation]
    kinds += [part for kind in kinds for part in typing.get_args(kind)]
    return any(typing.get_origin(kind) is list for kind in kinds)


def _needs_nodes(asked: Placement) -> bool:
    """Whether no strategy of Ray's gives a placement: several nodes with several workers each."""
    return (asked.num_nodes or 1) > 1 and (asked.workers_per_node or 1) > 1


def scaling_config(
    config: SweepConfig, asked: Placement, *, num_workers: int, use_gpu: bool
) -> ScalingConfig:
    """Return how Ray Train is asked for workers.

    Raises:
        LaunchError: If the installed Ray cannot place them so.
        PlacementError: If the cluster does not have the nodes.
    """
    launch = config.launch
    _check_labels(config)
    more: dict[str, Any] = {"label_selector": dict(launch.labels)} if launch.labels else {}
    if _needs_nodes(asked):
        hosts = _hosts_when_free(config, asked, use_gpu=use_gpu)
        nodes = choose(hosts, asked)
        if _names_nodes():
            each = [node for node in nodes for _ in range(asked.workers_per_node or 1)]
            more["label_selector"] = [{**launch.labels, _NODE_ID: node} for node in each]
        else:
            _check_even(hosts, asked)
    return ScalingConfig(
        num_workers=num_workers,
        use_gpu=use_gpu,
        resources_per_worker=_resources(config, use_gpu=use_gpu),
        placement_strategy=strategy_of(config, asked),
        accelerator_type=launch.gpu_type,
        **more,
    )


def _resources(config: SweepConfig, *, use_gpu: bool) -> dict[str, float]:
    return {"CPU": config.cpus_per_worker} | ({"GPU": 1.0} if use_gpu else {})


def worker_resources(config: SweepConfig, *, use_gpu: bool) -> dict[str, float]:
    """Return what a worker takes of its host, the type of its GPU included."""
    resources = _resources(config, use_gpu=use_gpu)
    if config.launch.gpu_type is not None:
        # As Ray Train asks for it.
        resources[f"accelerator_type:{config.launch.gpu_type}"] = 0.001
    return resources


def strategy_of(config: SweepConfig, asked: Placement) -> Strategy:
    """Return Ray's strategy for a placement."""
    if asked.name is None:
        return config.launch.placement
    if asked.num_nodes is None:
        return cast("Strategy", asked.name.upper())
    if asked.num_nodes == 1:
        return "STRICT_PACK"
    # With several workers each the nodes are named, or there are no others.
    return "STRICT_SPREAD" if asked.workers_per_node == 1 else "SPREAD"


def _hosts_when_free(config: SweepConfig, asked: Placement, *, use_gpu: bool) -> list[Host]:
    """Return the nodes once the run before has left them, so that repeats are on the same ones."""
    for _ in range(_LOOKS):
        hosts = hosts_of(config, use_gpu=use_gpu)
        each = asked.workers_per_node or 1
        able = [host for host in hosts if host.room >= each]
        if all(host.free >= each for host in able[: asked.num_nodes]):
            break
        time.sleep(_LOOK_S)  # Ray tells a little late what is free
    return hosts


def hosts_of(config: SweepConfig, *, use_gpu: bool) -> list[Host]:
    """Return the nodes that can hold workers of a sweep, in an order that stays."""
    demand = worker_resources(config, use_gpu=use_gpu)
    free = free_by_node() or {}
    found = []
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if not node["Alive"] or not matches(node.get("Labels") or {}, config.launch.labels):
            continue
        host = Host(
            node_id=node["NodeID"],
            address=node["NodeManagerAddress"],
            room=_room(node["Resources"], demand),
            free=_room(free.get(node["NodeID"], node["Resources"]), demand),
        )
        found += [host] if host.room else []
    return sorted(found, key=lambda host: (host.address, host.node_id))


def rooms_of(hosts: Iterable[places.Host], config: SweepConfig, *, use_gpu: bool) -> list[int]:
    """Return how many workers each host has room for, those without left out."""
    demand = worker_resources(config, use_gpu=use_gpu)
    fitting = [host for host in hosts if matches(host.labels, config.launch.labels)]
    return [room for host in fitting if (room := _room(host.total, demand))]


def _room(resources: Mapping[str, float], demand: Mapping[str, float]) -> int:
    # Ray counts in ten-thousandths.
    return min(int(resources.get(name, 0.0) / each + 1e-6) for name, each in demand.items())


def choose(hosts: Sequence[Host], asked: Placement) -> tuple[str, ...]:
    """Return the ids of N nodes for M workers each: those that are free before those in use.

    Args:
        hosts: In the order in which equal ones are taken.
        asked: NxM.

    Raises:
        PlacementError: If there are too few nodes that can ever hold so many.
    """
    count, each = asked.num_nodes or 1, asked.workers_per_node or 1
    able = [host for host in hosts if host.room >= each]
    if len(able) < count:
        rooms = ", ".join(f"{host.address}: {host.room}" for host in hosts) or "none"
        raise PlacementError(
            f"The placement {asked.name} needs {count} nodes with room for {each} workers each, "
            f"and the cluster has {len(able)} (workers that fit, by node: {rooms}). Take a "
            "placement that fits, such as spread, smaller cpus_per_worker, or add nodes."
        )
    able.sort(key=lambda host: host.free < each)
    return tuple(host.node_id for host in able[:count])


def difference(asked: Placement, nodes: Sequence[str], rooms: Iterable[int]) -> str | None:
    """Return how the place of a run differs from what was asked for; None where it does not.

    Args:
        asked: What was.
        nodes: Node of every rank, shape (world_size,).
        rooms: How many workers each node of the cluster can hold; Ray's `pack` and `spread` do what
            these allow.
    """
    held = sorted(Counter(nodes).values())
    least, most = _num_nodes(asked, len(nodes), sorted(rooms))
    is_even = asked.workers_per_node is None or set(held) == {asked.workers_per_node}
    if asked == ANYWHERE or len(nodes) == 1 or (is_even and least <= len(held) <= most):
        return None
    shares = " and ".join(map(str, held))
    return (
        f"The placement {asked.name} was asked for, and Ray put {shares} workers on "
        f"{len(held)} node{'s' * (len(held) > 1)}"
    )


def _num_nodes(asked: Placement, world_size: int, rooms: Sequence[int]) -> tuple[int, int]:
    """Return the least and the most nodes that a placement may use; rooms are ascending."""
    if asked.num_nodes is not None:
        return asked.num_nodes, asked.num_nodes
    if asked.name == "strict_pack":
        return 1, 1
    if asked.name == "strict_spread":
        return world_size, world_size
    if asked.name == "spread":
        return min(world_size, len(rooms)), world_size
    filled, count = 0, 0
    for room in rooms:  # Ray may begin with a small node
        filled, count = filled + room, count + (filled < world_size)
    return 1, max(count, 1)


def is_exact(asked: Placement) -> bool:
    """Whether a run elsewhere is a failure: Ray's `pack` and `spread` promise nothing."""
    return asked.name not in (None, "pack", "spread")
