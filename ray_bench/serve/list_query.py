"""The query of the list of sweeps, the same for the page and the API."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator, StringConstraints

from ray_bench.serve.index import Asked
from ray_bench.serve.index.asked import MOST_A_PAGE, Order, SortKey
from ray_bench.store.summary import State


def _filled(value: object) -> object:
    """Return None for what a form sends of a field that is left empty."""
    return None if value == "" else value


_Filled = BeforeValidator(_filled)
_Text = Annotated[Annotated[str, StringConstraints(max_length=300)] | None, _Filled, Query()]
_Day = Annotated[date | None, _Filled, Query(description="A day of UTC, as 2026-01-31")]


def asked_of(
    q: Annotated[str, Query(max_length=300, description="Words that all have to be there")] = "",
    state: Annotated[State | None, _Filled, Query()] = None,
    workload: _Text = None,
    hardware: _Text = None,
    tag: _Text = None,
    since: _Day = None,
    until: _Day = None,
    sort: Annotated[SortKey, Query()] = "measured",
    order: Annotated[Order | None, _Filled, Query()] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MOST_A_PAGE)] = 50,
) -> Asked:
    """Return what is asked of the list."""
    return Asked(
        words=" ".join(q.split()),
        state=state,
        workload=workload,
        hardware=hardware,
        tag=tag,
        since=since,
        until=until,
        sort=sort,
        order=order,
        page=page,
        per_page=per_page,
    )


Asking = Annotated[Asked, Depends(asked_of)]
