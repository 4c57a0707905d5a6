"""Who asks, and what they may: the dependencies that routes name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from ray_bench.serve.settings import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: found by `door.gate`, before any route."""

    name: str
    role: Role


def actor_or_none(request: Request) -> Actor | None:
    """Return who asks; None on the few pages that are open to all."""
    found: Actor | None = getattr(request.state, "actor", None)
    return found


def actor_of(request: Request) -> Actor:
    """Return who asks; answer 401 to one who is not known."""
    found = actor_or_none(request)
    if found is None:
        raise HTTPException(401, "Log in first.", {"WWW-Authenticate": "Bearer"})
    return found


def may_submit(actor: Annotated[Actor, Depends(actor_of)]) -> Actor:
    """Return who asks; answer 403 to a viewer and in a service that only reads."""
    if actor.role != "submitter":
        raise HTTPException(403, "You may look, and not change: this needs the role submitter.")
    return actor


Viewer = Annotated[Actor, Depends(actor_of)]
Submitter = Annotated[Actor, Depends(may_submit)]
