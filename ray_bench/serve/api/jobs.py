"""The API of jobs: what a sweep would take, asking for one, following and stopping it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ray_bench.config.secrets import masked_arguments
from ray_bench.serve.actor import Submitter, Viewer
from ray_bench.serve.asking.plan import SweepPlan, plan
from ray_bench.serve.board import Job, JobPhase, JobRequest
from ray_bench.serve.queue.allowed import MAX_LETTERS, MAX_SETTINGS, MAX_WORDS
from ray_bench.serve.resuming import resumption
from ray_bench.serve.service import Given, Service

router = APIRouter(prefix="/api/v1", tags=["jobs"])

Text = Annotated[str, Field(max_length=MAX_LETTERS)]
JobId = Annotated[str, Path(max_length=200)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SweepAsked(_Model):
    """A sweep in the words of `ray-bench run`."""

    source: Annotated[str, Field(max_length=80)] | None = Field(None, description="A preset.")
    settings: list[Text] = Field(
        default_factory=list, max_length=MAX_SETTINGS, description="`key=value`, as on the CLI."
    )
    script: list[Text] = Field(
        default_factory=list,
        max_length=MAX_WORDS,
        description="What stands after `--`; only where the service allows code.",
    )
    resumed: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Id of a sweep to continue; the other fields may be left out then."
    )
    name: Annotated[str, Field(max_length=80)] | None = None
    tags: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=20)
    note: Text | None = None
    budget: Annotated[str, Field(max_length=40)] | None = Field(None, description="`20min`, `5USD`")
    request_key: Annotated[str, Field(max_length=200)] = Field(
        "", description="Chosen by who asks: the same key twice is one job."
    )


class RefusalOut(BaseModel):
    """What stops a sweep, and the key that has to be changed."""

    key: str | None
    text: str


class SizeOut(BaseModel):
    """What the runs with a number of workers would take together."""

    world_size: int
    num_runs: int
    low_s: float | None
    high_s: float | None
    low_cost: float | None
    high_cost: float | None


class RunOut(BaseModel):
    """A planned run."""

    run_id: str
    world_size: int
    repeat: int
    lr_rule: str | None
    seed: int | None
    global_batch_size: int | None


class PlanOut(BaseModel):
    """What a sweep would take, or what stops it; times and costs are expected ranges."""

    is_taken: bool
    refusals: list[RefusalOut]
    command: str
    num_runs: int
    low_s: float | None
    high_s: float | None
    low_cost: float | None
    high_cost: float | None
    currency: str | None
    basis: list[str]
    measured: list[int]
    notes: list[str]
    sizes: list[SizeOut]
    runs: list[RunOut]


class JobOut(BaseModel):
    """A job and what became of it so far."""

    job_id: str
    phase: JobPhase
    actor: str
    asked_at_utc: datetime
    started_at_utc: datetime | None
    ended_at_utc: datetime | None
    sweep_id: str | None
    exit_code: int | None
    error: str | None
    place: int | None
    source: str | None
    settings: list[str]
    name: str | None
    resumed: str | None


class JobsOut(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobOut]
    num_jobs: int


class StopAsked(_Model):
    """How to stop: after the run that is under way, or now."""

    now: bool = False


class LogOut(BaseModel):
    """A part of a log, and where the next one begins."""

    text: str
    next_offset: int
    is_whole: bool


@router.post("/plan")
def plan_sweep(service: Given, _: Viewer, asked: SweepAsked) -> PlanOut:
    """Say what a sweep would take, by the planner of `ray-bench run --dry-run`."""
    return _plan(plan(_request(service, asked), service.settings))


@router.get("/jobs")
def list_jobs(
    service: Given, _: Viewer, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> JobsOut:
    """List what was asked for here, newest first."""
    jobs = service.board.jobs()
    return JobsOut(jobs=[_job(job) for job in jobs[:limit]], num_jobs=len(jobs))


@router.post("/jobs", status_code=201, responses={422: {"description": "It cannot be taken."}})
def submit_job(
    service: Given, actor: Submitter, asked: SweepAsked, response: Response
) -> JobOut | Any:
    """Ask for a sweep; nothing is begun where something stops it."""
    request = _request(service, asked)
    found = plan(request, service.settings)
    if not found.is_taken:
        refusals = [{"key": x.key, "text": x.text} for x in found.refusals]
        text = "\n".join(x.text for x in found.refusals)
        return JSONResponse({"detail": text, "refusals": refusals}, 422)
    job = service.board.submit(request, actor.name)
    response.headers["Location"] = f"/api/v1/jobs/{job.job_id}"
    return _job(job)


@router.get("/jobs/{job_id}")
def show_job(service: Given, _: Viewer, job_id: JobId) -> JobOut:
    """Return a job."""
    return _job(_known(service, job_id))


@router.post("/jobs/{job_id}/stop")
def stop_job(service: Given, _: Submitter, job_id: JobId, asked: StopAsked) -> JobOut:
    """Stop a job; what is measured is kept."""
    _known(service, job_id)
    service.board.stop(job_id, now=asked.now)
    return _job(_known(service, job_id))


@router.get("/jobs/{job_id}/log")
def job_log(
    service: Given, _: Viewer, job_id: JobId, offset: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> LogOut:
    """Return what a job has said from `offset` bytes on."""
    _known(service, job_id)
    part = service.board.log(job_id, offset)
    return LogOut(text=part.text, next_offset=part.next_offset, is_whole=part.is_whole)


def _known(service: Service, job_id: str) -> Job:
    found = service.board.job(job_id)
    if found is None:
        raise HTTPException(404, f"There is no job {job_id!r}.")
    return found


def _request(service: Service, asked: SweepAsked) -> JobRequest:
    if asked.resumed is not None and asked.source is None and not asked.settings:
        return resumption(service, asked.resumed)
    return JobRequest(
        source=asked.source,
        settings=tuple(asked.settings),
        script=tuple(asked.script),
        resumed=asked.resumed,
        name=asked.name,
        tags=tuple(asked.tags),
        note=asked.note,
        budget=asked.budget,
        request_key=asked.request_key,
    )


def _job(job: Job) -> JobOut:
    request = job.request
    return JobOut(
        **{name: getattr(job, name) for name in JobOut.model_fields if hasattr(job, name)},
        source=request.source,
        settings=list(masked_arguments(request.settings)),
        name=request.name,
        resumed=request.resumed,
    )


def _plan(found: SweepPlan) -> PlanOut:
    return PlanOut(
        is_taken=found.is_taken,
        refusals=[RefusalOut(key=x.key, text=x.text) for x in found.refusals],
        command=found.command,
        num_runs=len(found.runs),
        low_s=found.low_s,
        high_s=found.high_s,
        low_cost=found.low_cost,
        high_cost=found.high_cost,
        currency=None if found.config is None else found.config.currency,
        basis=list(found.basis),
        measured=list(found.measured),
        notes=list(found.notes),
        sizes=[
            SizeOut(**{name: getattr(row, name) for name in SizeOut.model_fields})
            for row in found.sizes
        ],
        runs=[
            RunOut(
                run_id=run.run_id,
                world_size=run.point.world_size,
                repeat=run.repeat,
                lr_rule=run.point.lr_rule,
                seed=run.point.seed,
                global_batch_size=run.point.global_batch_size,
            )
            for run in found.runs
        ],
    )
