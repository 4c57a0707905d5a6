"""The API of studies: a sweep's report, comparisons and predictions, as the commands write them."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from ray_bench.errors import LaunchError
from ray_bench.serve.kept import LATER, result_or_later
from ray_bench.serve.pages.compare import Id, Ids, analysed_all, known_of
from ray_bench.serve.pages.sweep import Asked, Known, written
from ray_bench.serve.service import Given

router = APIRouter(prefix="/api/v1", tags=["studies"])

#: A program waits so long for an analysis.
_PATIENCE_S = 120.0


@cache
def _report_schema() -> dict[str, Any]:
    from ray_bench.report.json_schema import report_schema

    return report_schema()


class Against(BaseModel):
    """A sweep against the base.

    Attributes:
        sweep_id: Which one.
        outcome: passed, failed or undecided; null where it is refused.
        refused: Why it is refused; empty where it is not.
        allow: Kinds of differences that would have to be allowed.
        report: As `ray-bench compare --format json` prints it.
    """

    sweep_id: str
    outcome: str | None
    refused: str
    allow: list[str]
    report: dict[str, Any] | None


class Comparisons(BaseModel):
    """Sweeps against the first one."""

    base: str
    tolerance: float
    comparisons: list[Against]


class Predicted(BaseModel):
    """An answer under other circumstances.

    Attributes:
        sweep_id: What it is predicted from.
        link: That was asked for; null is the link as measured.
        answer: In words.
        world_size: The recommended one; null where there is none.
        screen: Numbers by world size, in the form of a report's screen.
        curve: Rows of the curve.
        command: What gives the same on a terminal.
    """

    sweep_id: str
    link: str | None
    answer: str
    world_size: int | None
    screen: dict[str, Any]
    curve: list[dict[str, Any]]
    command: str


@router.get(
    "/sweeps/{sweep_id}/report",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
)
def report(summary: Known, wish: Asked, service: Given) -> Response:
    """Return the report of a sweep; its schema is `/api/v1/report.schema.json`."""
    made = result_or_later(service.studies.report(summary.sweep_id, wish), _PATIENCE_S)
    return Response(written(made.report, "json"), media_type="application/json")


@router.get("/report.schema.json", response_class=Response)
def report_schema(request: Request) -> Response:
    """Return the schema of a report (JSON Schema 2020-12)."""
    del request
    return Response(json.dumps(_report_schema()), media_type="application/json")


@router.get("/compare")
def compare(
    service: Given,
    a: Id,
    b: Ids,
    allow: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 (FastAPI copies it)
    tolerance: Annotated[float, Query(ge=0, lt=1)] = 0.02,
) -> Comparisons:
    """Compare sweeps with the first one, as `ray-bench compare` does."""
    from ray_bench.serve.compared import documents

    ids = [known_of(service, x).sweep_id for x in dict.fromkeys((a, *b))]
    found = analysed_all(service, ids, _PATIENCE_S)
    if found is None:
        raise LaunchError(LATER)
    made = documents(found, tolerance_frac=tolerance, allow=allow, root=service.store.root)
    return Comparisons(
        base=a, tolerance=tolerance, comparisons=[Against.model_validate(x) for x in made]
    )


@router.get("/predict")
def predict(
    service: Given,
    sweep_id: Annotated[str, Query(alias="from", max_length=200)],
    wish: Asked,
    link: Annotated[str | None, Query(max_length=20, description="like 25Gbps")] = None,
    latency: Annotated[str | None, Query(max_length=20, description="like 20us")] = None,
) -> Predicted:
    """Return what another link, price, aim or number of workers would change."""
    from ray_bench.report.json_report import plain
    from ray_bench.serve.forecasts import forecast

    known = known_of(service, sweep_id)
    found = result_or_later(service.studies.analysed(known.sweep_id), _PATIENCE_S)
    made = forecast(found, wish, link=link, latency=latency, root=service.store.root)
    curve = made.screen.curve
    return Predicted(
        sweep_id=known.sweep_id,
        link=link,
        answer=made.screen.answer.lead,
        world_size=made.screen.answer.world_size,
        screen=plain(made.screen),
        curve=[] if curve is None else [dict(x) for x in curve.rows],
        command=made.command,
    )
