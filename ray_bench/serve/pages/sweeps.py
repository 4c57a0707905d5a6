"""The page: all sweeps, what each said, and which needs somebody."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from ray_bench import __version__
from ray_bench.serve.actor import Viewer
from ray_bench.serve.index import Found
from ray_bench.serve.index.asked import STATES
from ray_bench.serve.list_query import Asking
from ray_bench.serve.render import environment, page
from ray_bench.serve.service import Given
from ray_bench.serve.sweep_lines import lines_of
from ray_bench.serve.tagged import tag_of, unchanged

router = APIRouter(include_in_schema=False)


@router.get("/sweeps")
def sweeps_page(request: Request, service: Given, actor: Viewer, asked: Asking) -> Response:
    """List sweeps."""
    snapshot = service.index.snapshot()
    today = datetime.now(UTC).date()
    token = getattr(request.state, "csrf_token", "")
    tag = tag_of(snapshot.mark, asked, today, actor, token, __version__)
    answer = unchanged(request, tag)
    if answer is not None:
        return answer
    found = service.index.page(asked)
    answer = page(
        request,
        "sweeps.html.j2",
        found=found,
        asked=found.asked,
        states=STATES,
        trouble=snapshot.trouble,
        table=_drawn(found, today, actor.role == "submitter"),
    )
    answer.headers["ETag"] = tag
    return answer


@router.get("/compare/selected")
def compare_selected(
    service: Given, sweep: Annotated[list[str] | None, Query(max_length=50)] = None
) -> Response:
    """Go to the comparison of sweeps that were selected; the oldest one is what others are held to.

    With fewer than two the page of comparisons asks for the other one.
    """
    known = [row for x in dict.fromkeys(sweep or ()) if (row := service.index.row(x)) is not None]
    known.sort(key=lambda row: (row.created_at_utc, row.sweep_id))
    query = [("a" if i == 0 else "b", row.sweep_id) for i, row in enumerate(known)]
    return RedirectResponse(f"/compare?{urlencode(query)}" if query else "/compare", 303)


@lru_cache(maxsize=64)
def _drawn(found: Found, today: date, may_submit: bool) -> str:
    """Return the table; the same question to the same sweeps gets the same one."""
    lines = lines_of(found.rows, found.differing, today)
    return (
        environment()
        .get_template("sweeps_table.html.j2")
        .render(found=found, asked=found.asked, lines=lines, may_submit=may_submit)
    )
