"""Joining a cluster or starting a local one, and what it can give."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import ray

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ClusterCapacityError, LaunchError
from ray_bench.launch import settings
from ray_bench.launch.places import Host, why_never
from ray_bench.launch.tuned import autoscaler_limits, starting_cluster
from ray_bench.launch.tuned.own_cluster import own_cluster
from ray_bench.launch.vacancy import demand_of, look

_ANSWER_S = 10.0
_REMEDY = "Check --address and RAY_ADDRESS; a cluster with tokens needs RAY_AUTH_MODE=token."


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The most that a cluster can ever give, autoscaling included."""

    cpus: float
    gpus: float
    hosts: tuple[Host, ...] | None = None  # None where an autoscaler may add some

    @classmethod
    def of(cls, resources: Mapping[str, float]) -> Capacity:
        """Read the capacity off a table of Ray resources."""
        return cls(cpus=resources.get("CPU", 0.0), gpus=resources.get("GPU", 0.0))


@contextlib.contextmanager
def connected(address: str | None, *, tuned: bool) -> Iterator[Capacity]:
    """Join the cluster at `address` or RAY_ADDRESS, or start a local one; leave it at the end.

    Args:
        address: Of a Ray cluster; "local" starts one whatever RAY_ADDRESS says.
        tuned: Whether a local one does without what nobody needs on it.

    Raises:
        LaunchError: If the cluster cannot be reached or refuses the token.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    with own_cluster() if tuned and address == "local" else contextlib.nullcontext():
        try:
            _start(address)
            yield capacity()
        finally:
            ray.shutdown()


def _start(address: str) -> None:
    is_local = address == "local"
    if is_local:
        settings.apply(settings.LOCAL_ENV)
    _check_answers(address)
    # The token that a new cluster makes, and its logs, are for this user alone.
    old_umask = os.umask(0o077)
    try:
        with starting_cluster():
            ray.init(
                address=address,
                include_dashboard=False if is_local else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env=None if is_local else {"env_vars": settings.job_environment()},
            )
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as err:
        raise LaunchError(
            f"No Ray cluster could be reached at {address!r}: {_first_line(err)}. {_REMEDY}"
        ) from err
    finally:
        os.umask(old_umask)


def _first_line(err: BaseException) -> str:
    text = str(err).strip().splitlines()
    return text[0].rstrip(".") if text else type(err).__name__


def _check_answers(address: str) -> None:
    """Fail in seconds where nothing listens; Ray itself tries for a minute and more."""
    host, colon, port = address.rpartition("://")[2].partition("?")[0].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as err:
        raise LaunchError(
            f"No Ray cluster could be reached at {address!r}: {_first_line(err)}. {_REMEDY}"
        ) from err


def capacity() -> Capacity:
    """Return what the connected cluster has, or could grow to where it scales itself."""
    now = Capacity.of(ray.cluster_resources())  # type: ignore[no-untyped-call]
    most = Capacity.of(autoscaler_limits())
    seen = look()
    return Capacity(
        cpus=max(now.cpus, most.cpus),
        gpus=max(now.gpus, most.gpus),
        hosts=None if seen.can_grow else seen.hosts,
    )


def check_places(config: SweepConfig, have: Capacity, *, use_gpu: bool) -> None:
    """Check that every run of a sweep can be placed on the hosts that there are.

    Raises:
        ClusterCapacityError: If one cannot; the message says what each host has room for.
    """
    if have.hosts is None:
        return
    cells = [(size, asked) for size in config.world_sizes for asked in config.placements_of(size)]
    for world_size, asked in sorted(cells, key=lambda cell: cell[0]):
        why = why_never(demand_of(config, world_size, asked, use_gpu=use_gpu), have.hosts)
        if why is not None:
            raise ClusterCapacityError(
                f"World size {world_size}: {why}. Take smaller `world_sizes`, another "
                "placement, or a smaller `cpus_per_worker`."
            )


def choose_gpu(config: SweepConfig, have: Capacity) -> bool:
    """Return whether the sweep runs on GPUs.

    Raises:
        ClusterCapacityError: If the cluster can never give the largest run its workers, or if it
        has
            some GPUs but fewer than the largest run has workers, so that the choice is the user's.
    """
    largest = max(config.world_sizes)
    use_gpu = config.use_gpu
    if use_gpu is None:
        if 0 < have.gpus < largest:
            raise ClusterCapacityError(
                f"World size {largest} needs {largest} GPUs and the cluster has {have.gpus:g}; "
                "take smaller `world_sizes`, or `use_gpu=false` to measure on CPUs."
            )
        use_gpu = have.gpus >= largest
    if use_gpu and have.gpus < largest:
        raise ClusterCapacityError(
            f"World size {largest} needs {largest} GPUs and the cluster can give {have.gpus:g}; "
            "take smaller `world_sizes`, or `use_gpu=false`."
        )
    needed = largest * config.cpus_per_worker
    if needed > have.cpus:
        share = int(have.cpus / largest * 100) / 100
        hint = f"cpus_per_worker={share:g}" if share else "a larger cluster"
        raise ClusterCapacityError(
            f"World size {largest} needs {needed:g} CPUs and the cluster can give {have.cpus:g}; "
            f"take smaller `world_sizes`, or {hint} (more ranks than cores are marked "
            "oversubscribed)."
        )
    return use_gpu
