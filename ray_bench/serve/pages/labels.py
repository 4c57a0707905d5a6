"""Names, tags and notes of a sweep: what `ray-bench tag` and `ray-bench note` change."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ray_bench.errors import ConfigError
from ray_bench.serve.actor import Submitter
from ray_bench.serve.render import page
from ray_bench.serve.service import Given
from ray_bench.store import ResultsStore

router = APIRouter(include_in_schema=False)
_FIELDS = ("name", "tags", "tags_before", "note")


async def _fields(request: Request) -> dict[str, str]:
    """Return what the form says; FastAPI's own `Form` cannot tell an empty field from none."""
    async with request.form() as form:
        return {key: value for key, value in form.items() if isinstance(value, str)}


@router.get("/sweeps/{sweep_id}/labels")
def show_labels(request: Request, service: Given, sweep_id: str, _: Submitter) -> Response:
    """Show what the sweep is called, to be changed."""
    _check_known(service, sweep_id)
    found = service.store.labels(sweep_id)
    return page(
        request,
        "labels.html.j2",
        sweep_id=sweep_id,
        name=found.name or "",
        tags=" ".join(found.tags),
        tags_before=" ".join(found.tags),
        note=found.note or "",
        error=None,
    )


@router.post("/sweeps/{sweep_id}/labels")
def change_labels(
    request: Request,
    service: Given,
    sweep_id: str,
    _: Submitter,
    fields: Annotated[dict[str, str], Depends(_fields)],
) -> Response:
    """Change them, and go back to the sweep; a field that is not sent stays as it is."""
    _check_known(service, sweep_id)
    try:
        change(service.store, sweep_id, **{key: fields.get(key) for key in _FIELDS})
        service.index.look_again()
    except ConfigError as err:
        shown = {key: fields.get(key, "") for key in _FIELDS}
        return page(
            request,
            "labels.html.j2",
            status_code=422,
            sweep_id=sweep_id,
            error=str(err),
            **shown,
        )
    return RedirectResponse(f"/sweeps/{quote(sweep_id, safe='')}", 303)


def change(
    store: ResultsStore,
    sweep_id: str,
    *,
    name: str | None,
    tags: str | None,
    tags_before: str | None,
    note: str | None,
) -> None:
    """Write what differs from what is there; None leaves a field.

    Args:
        store: The results.
        sweep_id: Of a sweep that is there.
        name: Empty takes it away.
        tags: All of them, with blanks or commas between.
        tags_before: Those that the form was filled with, so that a tag that somebody else gave
            meanwhile stays; None: those that are there now.
        note: Empty takes it away.

    Raises:
        ConfigError: A name, tag or note cannot be one, or another sweep has the name.
    """
    have = store.labels(sweep_id)
    before = have.tags if tags_before is None else _words(tags_before)
    wanted = before if tags is None else _words(tags)
    new_name = _changed(name, have.name)
    new_note = _changed(None if note is None else note.replace("\r\n", "\n"), have.note)
    added = tuple(x for x in wanted if x not in have.tags)
    removed = tuple(x for x in before if x not in wanted and x in have.tags)
    if new_name is not None or new_note is not None or added or removed:
        store.label(sweep_id, name=new_name, note=new_note, added=added, removed=removed)


def _changed(given: str | None, have: str | None) -> str | None:
    """Return what is new, without blanks around it; None where nothing is."""
    return None if given is None or given.strip() == (have or "") else given.strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(x.removeprefix("+") for x in text.replace(",", " ").split()))


def _check_known(service: Given, sweep_id: str) -> None:
    if service.index.row(sweep_id) is None:
        raise HTTPException(404, "There is no such sweep.")
