"""The application: its parts and its routes."""

from __future__ import annotations

from fastapi import FastAPI

from ray_bench import __version__
from ray_bench.serve.board import Board
from ray_bench.serve.index import SweepIndex
from ray_bench.serve.service import Service
from ray_bench.serve.settings import ServeSettings
from ray_bench.serve.studies import Studies
from ray_bench.store import ResultsStore


def create_app(settings: ServeSettings, board: Board) -> FastAPI:
    """Return the service as an ASGI application.

    Raises:
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
        new,
        predict,
        sweep,
        sweeps,
    )

    app = FastAPI(title="ray_bench", version=__version__, docs_url=None, redoc_url=None)
    store = ResultsStore(settings.results)
    index = SweepIndex(store)
    app.state.service = Service(
        settings=settings,
        store=store,
        index=index,
        studies=Studies(store, index.version),
        board=board,
    )
    pages = (sweeps, sweep, live, compare, new, predict, convergence, cluster, labels)
    for module in (*pages, sweeps_api, studies, jobs):
        app.include_router(module.router)
    return app
