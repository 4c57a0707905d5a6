"""The page of a running sweep, and the stream that keeps it up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from ray_bench.errors import RayBenchError
from ray_bench.serve.actor import Submitter, Viewer
from ray_bench.serve.board import Job, JobRequest, LogPart
from ray_bench.serve.live.gather import LiveViews
from ray_bench.serve.live.shown import LiveShown, shown
from ray_bench.serve.pages.jobs import end_of_log
from ray_bench.serve.render import environment, page, seen
from ray_bench.serve.resuming import resumption
from ray_bench.serve.service import Given, Service

router = APIRouter(include_in_schema=False)

#: Between two looks, and how long a stream lasts; a browser opens the next one by itself.
EVERY_S, LASTS_S = 1.0, 600.0
_NOTHING = LogPart("", 0, is_whole=False)
#: Parts of the page, each an event of this name and a macro of `_live.html.j2`.
_PARTS = ("state", "said", "acts", "news", "body", "rest")


@router.get("/sweeps/{sweep_id}/live")
def show_live(request: Request, sweep_id: str, service: Given, actor: Viewer) -> Response:
    """Show it: a page, or for htmx the part that another page shows."""
    live, job = _seen(request, service, sweep_id)
    is_part = "hx-request" in request.headers
    template = "live_part.html.j2" if is_part else "live.html.j2"
    log = _NOTHING if job is None else end_of_log(service.board, job.job_id)
    may = actor.role == "submitter"
    level = 2 if is_part else 1
    return page(request, template, live=live, log=log, may_change=may, level=level)


@router.get("/sweeps/{sweep_id}/events")
def stream(
    request: Request,
    sweep_id: str,
    service: Given,
    actor: Viewer,
    log: Annotated[int, Query(ge=0, le=2**53)] = 0,
    level: Annotated[int, Query(ge=1, le=2)] = 1,
) -> Response:
    """Stream the parts that have changed, at most once a second, until the sweep is over."""
    _seen(request, service, sweep_id)
    last = request.headers.get("last-event-id", "")
    offset = int(last) if last.isascii() and last.isdecimal() and len(last) < 16 else log
    may = actor.role == "submitter"
    told = _Told(request, service, sweep_id, may_change=may, offset=offset, level=level)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, told), media_type="text/event-stream", headers=headers
    )


@router.post("/sweeps/{sweep_id}/resume")
def resume(sweep_id: str, service: Given, actor: Submitter, request: Request) -> Response:
    """Queue what the sweep still lacks."""
    live, job = _seen(request, service, sweep_id)
    if job is not None and job.phase in ("queued", "running"):
        return RedirectResponse(f"/jobs/{job.job_id}", 303)
    if live.phase == "running":
        raise HTTPException(409, "The sweep is running; it can be resumed when it has stopped.")
    wanted: JobRequest = resumption(service, sweep_id)
    found = service.board.submit(wanted, actor.name)
    return RedirectResponse(f"/jobs/{found.job_id}", 303)


def _views(request: Request, service: Service) -> LiveViews:
    state = request.app.state
    if not hasattr(state, "live_views"):
        state.live_views = LiveViews(service.store)
    found: LiveViews = state.live_views
    return found


def _seen(
    request: Request, service: Service, sweep_id: str, *, afresh: bool = True
) -> tuple[LiveShown, Job | None]:
    view = _views(request, service).view(sweep_id, afresh=afresh)
    if view is None:
        raise HTTPException(404, "There is no such sweep. See the list of all sweeps.")
    job = service.board.job_of_sweep(sweep_id)
    return shown(view, job), job


class _Told:
    """What a stream has told, and what it tells next."""

    def __init__(
        self,
        request: Request,
        service: Service,
        sweep_id: str,
        *,
        may_change: bool,
        offset: int,
        level: int,
    ) -> None:
        self._request = request
        self._service = service
        self._sweep_id = sweep_id
        self._may_change = may_change
        self._offset = offset
        self._level = level
        self._parts: dict[str, str] = {}
        self.is_over = False

    def news(self) -> str:
        """Return the events of what has changed."""
        live, job = _seen(self._request, self._service, self._sweep_id, afresh=False)
        module: Any = environment().get_template("_live.html.j2").module
        csrf = getattr(self._request.state, "csrf_token", "")
        more = {"acts": (csrf, self._may_change), "said": (self._level,)}
        events = []
        for name in _PARTS:
            text = str(getattr(module, name)(live, *more.get(name, ())))
            if self._parts.get(name) != text:
                events.append(_event(name, text, self._offset))
                self._parts[name] = text
        if job is not None:
            events += self._log(job)
        self.is_over = live.is_over and (job is None or job.phase not in ("queued", "running"))
        if self.is_over:
            events.append(_event("over", "", self._offset))
        return "".join(events)

    def _log(self, job: Job) -> list[str]:
        part = self._service.board.log(job.job_id, self._offset)
        if not part.text:
            return []
        self._offset = part.next_offset
        return [_event("log", escape(part.text), self._offset)]


async def _events(request: Request, told: _Told) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + LASTS_S
    yield "retry: 3000\n\n"
    while not told.is_over and loop.time() < until_s:
        if await request.is_disconnected():
            return
        try:
            yield await run_in_threadpool(told.news) or ": nothing new\n\n"
        except (RayBenchError, HTTPException):
            return  # the browser asks again, and is told then
        await asyncio.sleep(EVERY_S)


def _event(name: str, text: str, number: int) -> str:
    lines = "".join(f"data: {line}\n" for line in seen(text.replace("\r", "")).split("\n"))
    return f"event: {name}\nid: {number}\n{lines}\n"
