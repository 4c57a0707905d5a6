"""The all-reduce sweep: one TorchTrainer, in whose workers groups of ranks take turns."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch.distributed as dist
from ray.train import TrainingFailedError
from ray.train.torch import get_device

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import LaunchError
from ray_bench.launch.failures import describe
from ray_bench.launch.hosts_backend import here
from ray_bench.launch.trial import make_trainer
from ray_bench.measure.clock import SystemClock
from ray_bench.measure.network import all_reduce_times, network_records
from ray_bench.records import NetworkRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequest:
    """What the ranks are asked to measure; the same on every rank."""

    network_id: str
    world_sizes: tuple[int, ...]
    is_spread: bool  # runs are placed on as many nodes as there are
    timeout_s: float  # a collective operation that hangs longer fails the measurement


def measure_network(
    config: SweepConfig,
    world_sizes: Sequence[int],
    *,
    network_id: str,
    use_gpu: bool,
    scratch_dir: str,
) -> list[NetworkRecord]:
    """Measure all-reduce at every world size above 1, on the cluster that is connected.

    Raises:
        LaunchError: If a rank fails, or the workers cannot start.
    """
    sizes = tuple(sorted(size for size in set(world_sizes) if size > 1))
    if not sizes:
        return []
    request = NetworkRequest(
        network_id=network_id,
        world_sizes=sizes,
        is_spread=config.launch.placement in ("SPREAD", "STRICT_SPREAD"),
        timeout_s=config.launch.timeout_s,
    )
    trainer = make_trainer(
        config,
        num_workers=sizes[-1],
        use_gpu=use_gpu,
        loop=network_worker,
        loop_config={"request": request},
        name=f"network-{uuid.uuid4().hex[:8]}",
        scratch_dir=scratch_dir,
    )
    try:
        result: Any = _in_thread(trainer.fit)
    except TrainingFailedError as err:
        failure = describe(err)
        rank = "" if failure.rank is None else f"rank {failure.rank}: "
        raise LaunchError(
            f"The network could not be measured: {rank}{failure.type}: {failure.message}"
        ) from err
    records: list[NetworkRecord] = result.return_value
    return records


def _in_thread(call: Callable[[], T]) -> T:
    """Return what a call returns, and leave the signals of the main thread alone.

    In the main thread Ray Train would take Ctrl-C for itself, and end the process with exit code 0.
    """
    outcome: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as err:  # noqa: BLE001  # raised again below
            errors.append(err)

    thread = threading.Thread(target=work, name="network", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(timeout=0.5)
    if errors:
        raise errors[0]
    return outcome[0]


def network_worker(loop_config: dict[str, Any]) -> list[NetworkRecord] | None:
    """Measure in this worker, in every group that its rank is in; rank 0 returns the records."""
    request: NetworkRequest = loop_config["request"]
    device = get_device()
    rank, nodes = dist.get_rank(), _nodes()
    # Ranks whose turn it is not wait here: NCCL's own barrier would keep their GPUs busy.
    waiting_room: Any = dist.new_group(backend="gloo")
    records: list[NetworkRecord] = []
    for turn in turns(nodes, request.world_sizes, is_spread=request.is_spread):
        ranks = turn.ranks
        group: Any = dist.new_group(list(ranks), timeout=timedelta(seconds=request.timeout_s))
        if rank in ranks:
            times = all_reduce_times(group, device=device, clock=SystemClock(device))
            records += network_records(
                times,
                network_id=request.network_id,
                nodes=[nodes[member] for member in ranks],
                backend=dist.get_backend(group),
                device=device,
                is_run_placement=turn.is_run_placement,
            )
        dist.barrier(group=waiting_room)
        if rank in ranks:
            dist.destroy_process_group(group)
    return records if rank == 0 else None


def _nodes() -> list[str]:
    """Return Ray's id of every rank's node."""
    ids: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(ids, here().node_id)
    return ids


@dataclass(frozen=True, slots=True)
class Turn:
    """The ranks that reduce together."""

    ranks: tuple[int, ...]
    is_run_placement: bool  # whether a run of so many workers is placed so


def turns(nodes: Sequence[str], world_sizes: Sequence[int], *, is_spread: bool) -> list[Turn]:
    """Return the groups of ranks that are measured, one after the other; rank 0 is in all.

    Each world size is measured as its runs are placed: neighbouring ranks, which share nodes as far
    as they can, or one rank from each node in turn. Where one of these is on one node and the other
    is not, both are measured, so that both kinds of link are known.

    Args:
        nodes: Node of every rank, shape (num_ranks,).
        world_sizes: Ascending, none above num_ranks.
        is_spread: Whether runs take as many nodes as there are.
    """
    in_turn = _one_from_each_in_turn(nodes)
    found = []
    for size in world_sizes:
        packed, spread = tuple(range(size)), tuple(sorted(in_turn[:size]))
        mine, other = (spread, packed) if is_spread else (packed, spread)
        found.append(Turn(mine, is_run_placement=True))
        if _is_on_one(nodes, mine) != _is_on_one(nodes, other):
            found.append(Turn(other, is_run_placement=False))
    return found


def _one_from_each_in_turn(nodes: Sequence[str]) -> list[int]:
    before: Counter[str] = Counter()
    places = []
    for rank, node in enumerate(nodes):
        before[node] += 1
        places.append((before[node], list(before).index(node), rank))
    return [rank for _, _, rank in sorted(places)]


def _is_on_one(nodes: Sequence[str], ranks: Sequence[int]) -> bool:
    return len({nodes[rank] for rank in ranks}) == 1
