"""The all-reduce sweep: one TorchTrainer, in whose workers groups of ranks take turns."""

from __future__ import annotations

import socket
import threading
import uuid
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
        network_id=network_id, world_sizes=sizes, timeout_s=config.launch.timeout_s
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
    rank, hosts = dist.get_rank(), _hosts()
    # Ranks whose turn it is not wait here: NCCL's own barrier would keep their GPUs busy.
    waiting_room: Any = dist.new_group(backend="gloo")
    records: list[NetworkRecord] = []
    for ranks in turns(hosts, request.world_sizes):
        group: Any = dist.new_group(list(ranks), timeout=timedelta(seconds=request.timeout_s))
        if rank in ranks:
            times = all_reduce_times(group, device=device, clock=SystemClock(device))
            records += network_records(
                times,
                network_id=request.network_id,
                world_size=len(ranks),
                num_nodes=len({hosts[member] for member in ranks}),
                backend=dist.get_backend(group),
                device=device,
            )
        dist.barrier(group=waiting_room)
        if rank in ranks:
            dist.destroy_process_group(group)
    return records if rank == 0 else None


def _hosts() -> list[str]:
    """Return the host name of every rank."""
    names: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(names, socket.gethostname())
    return names


def turns(hosts: Sequence[str], world_sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the groups of ranks that are measured, one after the other; rank 0 is in all.

    Each world size is taken from neighbouring ranks, which share hosts as far as they can. Where
    these are all on one host and there are others, it is taken once more with one rank from each
    host in turn, so that both kinds of link are known.

    Args:
        hosts: Host of every rank, shape (num_ranks,).
        world_sizes: Ascending, none above num_ranks.
    """
    order_of_host: dict[str, int] = {}
    places = []  # how many ranks of the host come before, then the host: one from each in turn
    for rank, host in enumerate(hosts):
        place = order_of_host.get(host, 0)
        order_of_host[host] = place + 1
        places.append((place, list(order_of_host).index(host), rank))
    spread = [rank for _, _, rank in sorted(places)]
    found = []
    for size in world_sizes:
        packed = tuple(range(size))
        found.append(packed)
        if len({hosts[rank] for rank in packed}) == 1 < len(order_of_host):
            found.append(tuple(sorted(spread[:size])))
    return found
