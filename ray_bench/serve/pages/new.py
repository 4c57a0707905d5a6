"""The page: New sweep, and the jobs that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ray_bench.config.load import preset_names
from ray_bench.errors import ConfigError
from ray_bench.records import SweepRecord
from ray_bench.serve.actor import Submitter, Viewer
from ray_bench.serve.asking.draft import (
    SIZES,
    Draft,
    draft_of_form,
    draft_of_preset,
    draft_of_sweep,
)
from ray_bench.serve.asking.fields import fields, groups
from ray_bench.serve.asking.plan import SweepPlan, how_many, plan
from ray_bench.serve.asking.shown import hints, shown
from ray_bench.serve.board import JobRequest
from ray_bench.serve.pages import jobs
from ray_bench.serve.queue.allowed import named, refusals_of
from ray_bench.serve.render import page
from ray_bench.serve.service import Given, Service

router = APIRouter(include_in_schema=False)
router.include_router(jobs.router)

_FIRST_PRESET = "demo"
_SIZE = re.compile("[0-9]{1,9}")
#: Sweeps that are offered as a start.
_MAX_STARTS = 20


async def _sent(request: Request) -> Mapping[str, Sequence[str]]:
    """Return the fields that were sent, by name."""
    form = await request.form()
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


Sent = Annotated[Mapping[str, Sequence[str]], Depends(_sent)]


@router.get("/new")
def show_form(request: Request, service: Given, _: Viewer) -> Response:
    """Show the form: of what was typed so far, of a start that was chosen, or of the demo."""
    query = _query(request)
    draft = _draft(service, query)
    asked = _asked(draft, service)
    return _form(request, service, draft, asked, refused="k.workload" in query)


@router.get("/new/estimate")
def show_estimate(request: Request, service: Given, _: Viewer) -> Response:
    """Show what it would take: a part of the page, for htmx."""
    asked = _asked(draft_of_form(_query(request)), service)
    return page(request, "estimate.html.j2", **_estimate(request, asked))


@router.post("/jobs")
def submit(request: Request, service: Given, actor: Submitter, form: Sent) -> Response:
    """Take the sweep, and go to where it can be followed; or say what stops it."""
    draft = draft_of_form(form)
    asked = _asked(draft, service)
    if not asked.is_taken:
        return _form(request, service, draft, asked, refused=True, status_code=422)
    job = service.board.submit(draft.request(), actor.name)
    return RedirectResponse(f"/jobs/{job.job_id}", 303)


def _query(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def _draft(service: Service, query: Mapping[str, Sequence[str]]) -> Draft:
    if "k.workload" in query:
        return _with_sizes(draft_of_form(query), query.get("only", ()))
    return _with_sizes(_start(service, query), query.get("world_sizes", ()))


def _with_sizes(draft: Draft, given: Sequence[str]) -> Draft:
    """Return it with the numbers of workers that an address names, if it does."""
    sizes = [int(x) for x in ",".join(given).replace(" ", "").split(",") if _SIZE.fullmatch(x)]
    return draft.with_sizes(sizes) if sizes else draft


def _start(service: Service, query: Mapping[str, Sequence[str]]) -> Draft:
    start = query.get("from", [_FIRST_PRESET])[-1]
    if not start:
        return Draft(texts={"workload": "emulated"})
    if start in preset_names():
        return draft_of_preset(start)
    return draft_of_sweep(sweep_of(service, start), allow_code=service.settings.allow_code)


def sweep_of(service: Service, sweep_id: str) -> SweepRecord:
    """Return a sweep by its id; answer 404 where there is none."""
    found = service.store.sweep(sweep_id)
    if found is None:
        raise HTTPException(404, f"There is no sweep {sweep_id!r} here.")
    return found


def _asked(draft: Draft, service: Service) -> SweepPlan:
    try:
        request: JobRequest = draft.request()
    except ConfigError as err:
        return SweepPlan(refusals=refusals_of(err))
    return plan(request, service.settings)


def _estimate(request: Request, asked: SweepPlan) -> dict[str, Any]:
    actor = request.state.actor
    return {
        "plan": asked,
        "shown": shown(asked),
        "how_many": how_many,
        "may_start": actor is not None and actor.role == "submitter",
    }


def _form(
    request: Request,
    service: Service,
    draft: Draft,
    asked: SweepPlan,
    *,
    refused: bool,
    status_code: int = 200,
) -> Response:
    errors = named(asked.refusals) if refused else {}
    shown_groups = groups(allow_code=service.settings.allow_code)
    more = {field.key for group in shown_groups for field in group.fields}
    found, room = hints(draft, service.settings)
    changed = [key for key in fields() if key in more and draft.text(key) != fields()[key].default]
    return page(
        request,
        "new.html.j2",
        status_code=status_code,
        draft=draft,
        fields=fields(),
        groups=shown_groups,
        errors_of=errors,
        more_errors=bool(more & set(errors)),
        more_words=_more_words(changed),
        refused=refused,
        hints=found,
        room=room,
        sizes=SIZES,
        starts=_starts(service, draft),
        allow_code=service.settings.allow_code,
        **_estimate(request, asked),
    )


def _more_words(changed: Sequence[str]) -> str:
    if not changed:
        return "precision, compile, DDP, placement, data, price: all at their defaults"
    some = ", ".join(changed[:4]) + (", ..." if len(changed) > 4 else "")
    return (
        f"{len(changed)} not at {'its default' if len(changed) == 1 else 'their defaults'}: {some}"
    )


def _starts(service: Service, draft: Draft) -> list[tuple[str, str]]:
    """Return what the form can start from: presets, sweeps, newest first, nothing."""
    found = [(name, f"Preset: {name}") for name in preset_names()]
    rows = list(service.index.summaries())
    newest = [row for i, row in enumerate(rows) if i < _MAX_STARTS or row.sweep_id == draft.origin]
    found += [
        (x.sweep_id, f"{x.labels.name or x.workload or 'sweep'}, {x.created_at_utc:%-d %b %H:%M}")
        for x in newest
    ]
    return [*found, ("", "Nothing")]
