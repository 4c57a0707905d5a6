"""The page with sliders: what another link, price, aim or number of workers would change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from ray_bench.errors import RayBenchError
from ray_bench.serve.kept import result_within
from ray_bench.serve.pages.compare import known_of
from ray_bench.serve.render import page
from ray_bench.serve.service import Given, Service
from ray_bench.serve.studies import Analysed
from ray_bench.serve.wish import Wish, wish_of

router = APIRouter(include_in_schema=False)

#: Steps of the slider: Gbit/s; before them stands the link as measured.
LINKS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0)
_PATIENCE_S = 0.4
_MOST_DOUBLINGS = 10
_MOST_PRICE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliders:
    """Where the sliders stand.

    Attributes:
        link_step: 0: the link as measured; else a step of `LINKS`.
        latency: Of one message.
        doublings: Of one worker, of what can be had; None: as far as something is known.
        price: None: as configured.
        aim: One of the aims.
        limit: Of the aim that has one.
    """

    link_step: int = 0
    latency: str = "20us"
    doublings: int | None = None
    price: str = ""
    aim: str = "balanced"
    limit: str = ""

    @property
    def link(self) -> str | None:
        """The link in the words of `ray-bench predict`."""
        return f"{LINKS[self.link_step - 1]:g}Gbps" if self.link_step else None


def sliders_of(
    link_step: Annotated[int, Query(ge=0, le=len(LINKS))] = 0,
    latency: Annotated[str, Query(max_length=20)] = "20us",
    workers_step: Annotated[int | None, Query(ge=0, le=_MOST_DOUBLINGS)] = None,
    price: Annotated[str, Query(max_length=20)] = "",
    aim: Annotated[str, Query(max_length=20)] = "balanced",
    deadline: Annotated[str, Query(max_length=20)] = "",
    budget: Annotated[str, Query(max_length=20)] = "",
) -> Sliders:
    """Return what a request says of the sliders."""
    return Sliders(
        link_step=link_step,
        latency=latency.strip() or "20us",
        doublings=workers_step,
        price=price,
        aim=aim,
        limit={"deadline": deadline, "budget": budget}.get(aim, ""),
    )


Asked = Annotated[Sliders, Depends(sliders_of)]
From = Annotated[str, Query(alias="from", max_length=200)]


@router.get("/predict")
def predict_page(request: Request, service: Given, sliders: Asked, sweep_id: From = "") -> Response:
    """Show what a sweep predicts; without one, which there are."""
    if not sweep_id:
        listed = service.index.summaries()[:200]
        if not listed:
            return page(request, "predict_none.html.j2", sweeps=())
        return page(request, "predict_none.html.j2", sweeps=listed)
    found = _analysed(service, sweep_id, _PATIENCE_S)
    if found is None:
        return page(request, "predict_wait.html.j2", sweep_id=sweep_id)
    return page(
        request,
        "predict.html.j2",
        **_controls(found, sliders),
        **answer_values(service, found, sliders),
    )


@router.get("/predict/answer")
def answer_part(request: Request, service: Given, sliders: Asked, sweep_id: From) -> Response:
    """Return the answer alone, as the sliders stand."""
    if "HX-Request" not in request.headers:
        return RedirectResponse(f"/predict?{request.url.query}", 303)
    found = _analysed(service, sweep_id, 60.0)
    if found is None:
        raise HTTPException(503, "The sweep is being analysed. Try again in a minute.")
    values = answer_values(service, found, sliders)
    response = page(request, "predict_answer.html.j2", **values)
    response.headers["HX-Replace-Url"] = f"/predict?{request.url.query}"
    return response


def answer_values(service: Service, found: Analysed, sliders: Sliders) -> dict[str, Any]:
    """Return the answer's part of the page, or why there is none."""
    from ray_bench.report.html import parts
    from ray_bench.report.model import Report
    from ray_bench.serve.forecasts import forecast

    try:
        made = forecast(
            found,
            _wish(found, sliders),
            link=sliders.link,
            latency=sliders.latency,
            root=service.store.root,
        )
    except RayBenchError as err:
        return {"body": None, "error": str(err), "command": ""}
    report = Report(
        title="Predict",
        sweep_id=found.results.sweep.sweep_id,
        answer=made.screen.answer.lead,
        flags=(),
        sections=(),
        screens=(made.screen,),
    )
    return {"body": parts.screen(report), "error": None, "command": made.command}


def _wish(found: Analysed, sliders: Sliders) -> Wish:
    from ray_bench.serve.forecasts import default_workers

    most = default_workers(found) if sliders.doublings is None else 2**sliders.doublings
    return wish_of(aim=sliders.aim, limit=sliders.limit, price=sliders.price, max_workers=str(most))


def _analysed(service: Service, sweep_id: str, seconds: float) -> Analysed | None:
    known = known_of(service, sweep_id)
    return result_within(service.studies.analysed(known.sweep_id), seconds)


def _controls(found: Analysed, sliders: Sliders) -> dict[str, Any]:
    """Return what the form shows."""
    from ray_bench.report.model import price_of
    from ray_bench.serve.forecasts import default_workers, no_replay, own_link

    price, currency = price_of(found.results)
    asked = _price(sliders.price)
    sweep = found.results.sweep
    runs = found.results.runs
    with found.lock:
        most, why, own = default_workers(found), no_replay(found), own_link(found)
    return {
        "sweep_id": sweep.sweep_id,
        "base": f"/sweeps/{quote(sweep.sweep_id, safe='')}",
        "workload": runs[0].point.workload if runs else sweep.sweep_id,
        "sliders": sliders,
        "links": LINKS,
        "no_replay": why,
        "own": own,
        "doublings": round(math.log2(most)) if sliders.doublings is None else sliders.doublings,
        "most_doublings": _MOST_DOUBLINGS,
        "price": price if asked is None else asked,
        "most_price": max(_MOST_PRICE, 4 * (price or 0.0)),
        "currency": currency,
    }


def _price(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
