"""The page: nodes, CPUs and GPUs, what is free, and who uses it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from fastapi import APIRouter, Request
from fastapi.responses import Response

from ray_bench.errors import LaunchError
from ray_bench.serve.actor import Viewer
from ray_bench.serve.render import page
from ray_bench.serve.service import Given

if TYPE_CHECKING:
    from ray_bench.launch.nodes import Amount, Node

router = APIRouter(include_in_schema=False)
_DRIVER = Path("/proc/driver/nvidia/gpus")
_MOST_SLOTS = 128  # of a node that are drawn one by one
_UNDER_WAY = ("PENDING", "RUNNING")


@router.get("/cluster")
def show_cluster(request: Request, service: Given, _: Viewer) -> Response:
    """Show the cluster, or this machine where there is none."""
    if service.settings.address is None:
        jobs = [x for x in service.board.jobs() if x.phase in ("queued", "running")]
        return page(request, "cluster_none.html.j2", jobs=jobs, **this_machine())
    try:
        nodes, uses = _asked(service.settings.address)
    except LaunchError as err:
        return page(request, "cluster_lost.html.j2", status_code=503, error=str(err))
    ours = {x.job_id: x for x in service.board.jobs()}
    return page(
        request, "cluster.html.j2", **summary(nodes), users=[(x, ours.get(x.job_id)) for x in uses]
    )


@dataclass(frozen=True, slots=True)
class Use:
    """A job that waits or runs on the cluster, of whomever."""

    job_id: str
    is_waiting: bool
    entrypoint: str


def _asked(address: str) -> tuple[tuple[Node, ...], list[Use]]:
    from ray_bench.launch.jobs import Jobs

    server = Jobs(address)
    jobs = [(x, x.status.value) for x in server.all()]
    uses = [
        Use(x.submission_id or "", status == "PENDING", x.entrypoint)
        for x, status in jobs
        if status in _UNDER_WAY
    ]
    return server.nodes(), uses


def this_machine() -> dict[str, Any]:
    """Return how many cores, GPUs and bytes of memory are here."""
    memory = psutil.virtual_memory()
    return {
        "num_cores": len(os.sched_getaffinity(0)),
        "num_gpus": len(list(_DRIVER.iterdir())) if _DRIVER.is_dir() else 0,
        "memory_bytes": memory.total,
        "free_bytes": memory.available,
    }


def summary(nodes: Sequence[Node]) -> dict[str, Any]:
    """Return what the page says of nodes: totals, the most free on one, and each of them."""
    alive = [x for x in nodes if x.is_alive]
    cpus = [x.cpus for x in alive if x.cpus is not None]
    gpus = [x.gpus for x in alive if x.gpus is not None]
    return {
        "nodes": [(x, _slots(x.cpus)) for x in nodes],
        "num_alive": len(alive),
        "is_known": bool(cpus),
        "free_cpus": sum(int(x.free) for x in cpus),
        "free_gpus": sum(int(x.free) for x in gpus),
        "total_cpus": sum(int(x.total) for x in cpus),
        "total_gpus": sum(int(x.total) for x in gpus),
        "most_cpus": max((int(x.free) for x in cpus), default=0),
    }


def _slots(cpus: Amount | None) -> tuple[int, int] | None:
    """Return how many CPUs are used and free, to be drawn; None where that is not known, or much.

    Part of a CPU that is used is drawn as a whole one.
    """
    if cpus is None or not 0 < cpus.total <= _MOST_SLOTS:
        return None
    return int(cpus.total) - int(cpus.free), int(cpus.free)
