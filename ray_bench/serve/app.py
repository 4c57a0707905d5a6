"""The application: its parts and its routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route

from ray_bench import __version__
from ray_bench.serve.agents import Agents
from ray_bench.serve.board import Board
from ray_bench.serve.door import refusals
from ray_bench.serve.door.audit import Audit
from ray_bench.serve.door.gate import Gate
from ray_bench.serve.door.headers import SafeHeaders
from ray_bench.serve.door.hosts import HostCheck
from ray_bench.serve.door.identity import Identity
from ray_bench.serve.door.observed import Observed
from ray_bench.serve.index import SweepIndex
from ray_bench.serve.service import Service
from ray_bench.serve.settings import ServeSettings
from ray_bench.serve.studies import Studies
from ray_bench.store import ResultsStore

_STATIC = Path(__file__).parent / "static"


def create_app(settings: ServeSettings, board: Board) -> FastAPI:
    """Return the service as an ASGI application.

    Raises:
        ConfigError: If other machines reach it and there is no token, or the state folder cannot be
            written.
        StoreError: If the results cannot be read.
    """
    from ray_bench.serve.api import jobs, studies
    from ray_bench.serve.api import sweeps as sweeps_api
    from ray_bench.serve.pages import (
        cluster,
        compare,
        convergence,
        labels,
        live,
        login,
        new,
        operations,
        predict,
        sweep,
        sweeps,
    )

    settings.check()
    app = FastAPI(
        title="ray_bench",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    store = ResultsStore(settings.results)
    index = SweepIndex(store)
    service = app.state.service = Service(
        settings=settings,
        store=store,
        index=index,
        studies=Studies(store, index.version, index.learn),
        board=board,
    )
    pages = (
        sweeps,
        sweep,
        live,
        compare,
        new,
        predict,
        convergence,
        cluster,
        labels,
        login,
        operations,
    )
    for module in (*pages, sweeps_api, studies, jobs):
        app.include_router(module.router)
    app.add_api_route("/", _home, include_in_schema=False)
    app.router.routes.append(Route("/mcp", Agents(service)))
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    refusals.install(app)
    app.state.registry = operations.registry_of(app.state.service)
    _put_door(app, settings)
    return app


def _put_door(app: FastAPI, settings: ServeSettings) -> None:
    """Put the door around the routes; the last that is added is the outermost."""
    app.state.identity = Identity(settings)
    audit = Audit(settings.state_dir)
    app.add_middleware(Gate, settings=settings, identity=app.state.identity, audit=audit)
    app.add_middleware(HostCheck, settings=settings)
    app.add_middleware(refusals.Mishap)
    app.add_middleware(SafeHeaders, is_behind_tls=settings.is_behind_tls)
    app.add_middleware(Observed, registry=app.state.registry)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    service = app.state.service
    service.studies.close()  # else the process would first analyse all that was asked for
    await run_in_threadpool(service.board.close)


def _home() -> RedirectResponse:
    return RedirectResponse("/sweeps", 303)
