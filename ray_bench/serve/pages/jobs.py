"""The pages of jobs: what waits, what a sweep says before its first run, and how one is stopped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from ray_bench.config.secrets import masked_arguments
from ray_bench.report.format import clean
from ray_bench.serve.actor import Submitter, Viewer
from ray_bench.serve.board import Board, Job, LogPart
from ray_bench.serve.queue.command import run_words
from ray_bench.serve.render import page
from ray_bench.serve.service import Given
from ray_bench.sweep.progress import as_duration

router = APIRouter(include_in_schema=False)

#: Of a log on a page; and a place behind any log's end.
_SHOWN_BYTES, _BEYOND = 64 * 1024, 2**53
_WORDS = {
    "queued": "waits",
    "running": "starts",
    "finished": "has finished",
    "failed": "has failed",
    "stopped": "was stopped",
}


def known_job(job_id: str, service: Given) -> Job:
    """Return a job; answer 404 where there is none."""
    found = service.board.job(job_id)
    if found is None:
        raise HTTPException(404, "There is no such job. See the list of all jobs.")
    return found


Known = Annotated[Job, Depends(known_job)]


@router.get("/jobs")
def show_jobs(request: Request, service: Given, _: Viewer) -> Response:
    """List what was asked for here."""
    rows = [(job, title(job), _where(job), _lasted(job)) for job in service.board.jobs()]
    return page(request, "jobs.html.j2", rows=rows)


@router.get("/jobs/{job_id}")
def show_job(request: Request, service: Given, job: Known, actor: Viewer) -> Response:
    """Show a job until its sweep has begun, and then that."""
    if job.sweep_id is not None and job.phase != "queued":
        where = f"{_sweep(job.sweep_id)}/live"
        if "hx-request" in request.headers:
            return Response(headers={"HX-Redirect": where})
        return RedirectResponse(where, 303)
    part = end_of_log(service.board, job.job_id)
    return page(
        request,
        "job_part.html.j2" if "hx-request" in request.headers else "job.html.j2",
        job=job,
        title=title(job),
        words=_WORDS[job.phase],
        command=_command(job, service.settings.results),
        log="\n".join(map(clean, part.text.splitlines()[-200:])),
        may_change=actor.role == "submitter",
    )


@router.get("/jobs/{job_id}/log")
def show_log(service: Given, job: Known, _: Viewer) -> Response:
    """Give the whole log as text."""
    headers = {"Content-Disposition": "inline", "X-Content-Type-Options": "nosniff"}
    text = _whole(service.board, job.job_id)
    return StreamingResponse(text, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/jobs/{job_id}/stop")
def ask_stop(request: Request, job: Known, _: Submitter) -> Response:
    """Ask whether it is meant."""
    return page(request, "stop.html.j2", job=job, title=title(job))


@router.post("/jobs/{job_id}/stop")
def stop(
    service: Given,
    job: Known,
    _: Submitter,
    when: Annotated[Literal["after", "now"], Form()] = "after",
) -> Response:
    """Stop it, and show it again."""
    service.board.stop(job.job_id, now=when == "now")
    return RedirectResponse(_where(job), 303)


def _command(job: Job, results: str) -> str:
    """Return it as a shell reads it: it is there to be copied, and names may hold anything."""
    return shlex.join(["ray-bench", *masked_arguments(run_words(job.request, results))])


def end_of_log(board: Board, job_id: str) -> LogPart:
    """Return the last part of a log; the whole of it has a page of its own."""
    start = max(0, board.log(job_id, _BEYOND).next_offset - _SHOWN_BYTES)
    part = board.log(job_id, start)
    whole_lines = part.text.partition("\n")[2] if start else part.text
    return replace(part, text=whole_lines)


def title(job: Job) -> str:
    """Return what a job is called: its name, or what it measures."""
    request = job.request
    workload = next((x for x in request.settings if x.startswith("workload=")), None)
    named = request.name or request.resumed or request.source
    if named is None and workload is not None:
        named = workload.partition("=")[2]
    return clean(named or "sweep")


def _where(job: Job) -> str:
    has_begun = job.sweep_id is not None and job.phase != "queued"
    return f"{_sweep(job.sweep_id or '')}/live" if has_begun else f"/jobs/{quote(job.job_id)}"


def _sweep(sweep_id: str) -> str:
    return f"/sweeps/{quote(sweep_id, safe='')}"


def _lasted(job: Job) -> str:
    if job.started_at_utc is None or job.ended_at_utc is None:
        return ""
    return as_duration((job.ended_at_utc - job.started_at_utc).total_seconds())


def _whole(board: Board, job_id: str) -> Iterator[str]:
    offset = 0
    while (part := board.log(job_id, offset)).text:
        yield part.text
        offset = part.next_offset
