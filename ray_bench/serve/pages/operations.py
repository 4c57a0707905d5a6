"""For those who run the service: whether it is well, and what it counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ray_bench import __version__
from ray_bench.errors import RayBenchError
from ray_bench.serve.actor import Viewer
from ray_bench.serve.board import JobPhase
from ray_bench.serve.service import Given, Service
from ray_bench.store.summary import State

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(service: Given) -> Response:
    """Tell whether results can be read; 503 where they cannot."""
    try:
        is_well = not service.index.snapshot().trouble
    except RayBenchError:
        is_well = False
    if not is_well:
        return JSONResponse({"status": "results cannot be read"}, 503)
    return JSONResponse({"status": "ok", "version": __version__})


@router.get("/metrics")
def metrics(request: Request, _: Viewer) -> Response:
    """Return what was counted, for Prometheus."""
    text = generate_latest(request.app.state.registry)
    return PlainTextResponse(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class SweepsAndJobs(Collector):
    """Counts sweeps by state and jobs by phase when it is asked."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterator[Metric]:
        """Name them, without counting."""
        return iter((_gauge("sweeps", "state"), _gauge("jobs", "phase")))

    def collect(self) -> Iterator[Metric]:
        """Count."""
        states = Counter(x.state for x in self._service.index.summaries())
        phases = Counter(x.phase for x in self._service.board.jobs())
        sweeps, jobs = self.describe()
        for state in get_args(State):
            sweeps.add_sample(sweeps.name, {"state": state}, states[state])
        for phase in get_args(JobPhase):
            jobs.add_sample(jobs.name, {"phase": phase}, phases[phase])
        yield from (sweeps, jobs)


def _gauge(what: str, label: str) -> Metric:
    return GaugeMetricFamily(f"ray_bench_{what}", f"{what.title()} by {label}.", labels=(label,))


def registry_of(service: Service) -> CollectorRegistry:
    """Return what counts for one service."""
    registry = CollectorRegistry()
    registry.register(SweepsAndJobs(service))
    return registry
