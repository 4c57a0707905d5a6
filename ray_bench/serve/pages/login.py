"""The page: log in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from ray_bench.serve.door.identity import COOKIE, Identity
from ray_bench.serve.door.sessions import MAX_AGE_S
from ray_bench.serve.render import page
from ray_bench.serve.service import Given

router = APIRouter(include_in_schema=False)
HOME = "/sweeps"


@router.get("/login")
def show_login(request: Request, next: Annotated[str, Query()] = HOME) -> Response:
    """Ask for a token."""
    return page(request, "login.html.j2", next=own_path(next), error=None)


@router.post("/login")
def log_in(
    request: Request,
    service: Given,
    token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = HOME,
) -> Response:
    """Begin a session."""
    identity: Identity = request.app.state.identity
    actor = identity.owner(token.strip())
    if actor is None:
        error = "No token of this service is like this; its operator has them."
        return page(request, "login.html.j2", status_code=403, next=own_path(next), error=error)
    request.state.actor = actor
    response = RedirectResponse(own_path(next), 303)
    response.set_cookie(
        COOKIE,
        identity.sessions.open(actor),
        max_age=MAX_AGE_S,
        httponly=True,
        samesite="strict",
        secure=service.settings.is_behind_tls or request.url.scheme == "https",
    )
    return response


@router.post("/logout")
def log_out(request: Request) -> Response:
    """End the session."""
    identity: Identity = request.app.state.identity
    identity.sessions.close(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def own_path(text: str) -> str:
    """Return a path of this service: what was given, if it is one."""
    is_own = text.startswith("/") and not text.startswith("//") and text.isprintable()
    return text if is_own and "\\" not in text and text.isascii() else HOME
