"""`/api/v1/sweeps`: the list of sweeps, and one sweep at a glance."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from ray_bench import __version__
from ray_bench.serve.actor import Viewer
from ray_bench.serve.api.sweep_models import SweepModel, SweepsModel, sweep_model, sweeps_model
from ray_bench.serve.index import Found
from ray_bench.serve.list_query import Asking
from ray_bench.serve.service import Given
from ray_bench.serve.tagged import tag_of, unchanged

router = APIRouter(prefix="/api/v1", tags=["sweeps"])

_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the answer of this ETag"}
}


@router.get("/sweeps", response_model=SweepsModel, responses=_UNCHANGED)
def list_sweeps(request: Request, service: Given, _: Viewer, asked: Asking) -> Response:
    """List sweeps, each with its answer and its measured curve; nothing is analysed here."""
    snapshot = service.index.snapshot()
    tag = tag_of("api", snapshot.mark, asked, __version__)
    return unchanged(request, tag) or _json(
        _listed(service.index.page(asked), snapshot.trouble), tag
    )


@router.get(
    "/sweeps/{sweep_id}",
    response_model=SweepModel,
    responses={**_UNCHANGED, 404: {"description": "There is no sweep of exactly this id"}},
)
def show_sweep(request: Request, sweep_id: str, service: Given, _: Viewer) -> Response:
    """Return one sweep as the list has it."""
    row = service.index.row(sweep_id)
    if row is None:
        raise HTTPException(404, "There is no such sweep; /api/v1/sweeps lists all.")
    model = sweep_model(row)
    tag = tag_of("api", model.model_dump_json(), __version__)
    return unchanged(request, tag) or _json(model.model_dump_json(), tag)


@lru_cache(maxsize=64)
def _listed(found: Found, trouble: str) -> str:
    return sweeps_model(found, trouble).model_dump_json()


def _json(text: str, tag: str) -> Response:
    """Return what is checked already, without checking it once more."""
    return Response(text, media_type="application/json", headers={"ETag": tag})
