"""Answers to what is refused or cannot be done: a page for a person, JSON for a program."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ray_bench.errors import (
    AnalysisError,
    ConfigError,
    IncompatibleRunsError,
    LaunchError,
    MissingDataError,
    MissingExtraError,
    RayBenchError,
    StoreError,
)
from ray_bench.serve.render import page

log = logging.getLogger("ray_bench.serve")

_TITLES = {
    400: "This request cannot be understood",
    401: "Log in first",
    403: "This is not allowed",
    404: "There is no such page",
    405: "This page cannot be asked so",
    408: "The request came too slowly",
    413: "The request is too large",
    429: "Too many requests",
    500: "Something failed in the service",
}
#: First match counts. What cannot be asked so is 422, what is not there to be asked 409 or 503.
_STATUS: tuple[tuple[type[RayBenchError], int], ...] = (
    (ConfigError, 422),
    (IncompatibleRunsError, 422),
    (AnalysisError, 422),
    (MissingDataError, 409),
    (StoreError, 409),
    (MissingExtraError, 501),
    (LaunchError, 503),
)


def status_of(error: RayBenchError) -> int:
    """Return the status of HTTP that says what kind of error it is."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def wants_json(scope: Scope) -> bool:
    """Tell whether a program asks."""
    request = Request(scope)
    if scope["path"].startswith(("/api/", "/mcp")):
        return True
    return "text/html" not in request.headers.get("accept", "") and (
        "hx-request" not in request.headers
    )


def refusal(
    scope: Scope,
    status_code: int,
    text: str,
    *,
    headers: Mapping[str, str] | None = None,
    is_plain: bool = False,
) -> Response:
    """Return an answer that says why not.

    Args:
        scope: Of the request.
        status_code: Of HTTP.
        text: What is wrong and what to do, for a person.
        headers: Of the answer.
        is_plain: Say it without the page around it, which would have links that do not work.
    """
    response: Response
    if wants_json(scope):
        response = JSONResponse({"detail": text}, status_code)
    elif is_plain:
        response = PlainTextResponse(f"{text}\n", status_code)
    else:
        title = _TITLES.get(status_code, "This cannot be done")
        response = page(
            Request(scope), "error.html.j2", status_code=status_code, title=title, text=text
        )
    response.headers.update(headers or {})
    return response


def install(app: FastAPI) -> None:
    """Let errors of routes become answers."""

    @app.exception_handler(RayBenchError)
    def explained(request: Request, error: RayBenchError) -> Response:
        return refusal(request.scope, status_of(error), str(error))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        text = error.detail
        if not text or text == HTTPStatus(error.status_code).phrase:
            text = _TITLES.get(error.status_code, "This cannot be done") + "."
        return refusal(request.scope, error.status_code, text, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        if wants_json(request.scope):
            return JSONResponse({"detail": [_without_input(x) for x in error.errors()]}, 422)
        return refusal(request.scope, 422, "; ".join(map(_in_words, error.errors())))


def _without_input(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is wrong without what was given, which JSON may not be able to say (NaN)."""
    return {key: error[key] for key in ("loc", "msg", "type")}


def _in_words(error: Mapping[str, Any]) -> str:
    where = ".".join(str(x) for x in error["loc"][1:]) or "The request"
    return f"{where}: {error['msg']}"


class Mishap:
    """Answers 500 to what nobody thought of; the traceback goes to the log only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if scope["type"] != "http" or has_begun:
                raise
            log.exception("%s %r failed", scope["method"], scope["path"])
            text = "The log of the service says what. What is stored is unchanged."
            await refusal(scope, 500, text)(scope, receive, send)
