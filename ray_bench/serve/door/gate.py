"""The gate: who asks, how often, how much, and whether a change was meant."""

from __future__ import annotations

import math
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ray_bench.serve.door.audit import Audit
from ray_bench.serve.door.body import BodyError, again, read_body
from ray_bench.serve.door.buckets import Buckets
from ray_bench.serve.door.identity import Identity, Known, bearer
from ray_bench.serve.door.intent import comes_from_us, is_meant
from ray_bench.serve.door.questions import MAY_ASK, only_asks
from ray_bench.serve.door.refusals import refusal, wants_json
from ray_bench.serve.settings import ServeSettings

LOGIN = "/login"
LOGINS_PER_MINUTE = 10
_OPEN = (LOGIN, "/healthz", "/static/")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Lets a request through to its route, with who asks in `request.state`, or refuses it."""

    def __init__(
        self, app: ASGIApp, settings: ServeSettings, identity: Identity, audit: Audit
    ) -> None:
        self._app = app
        self._identity = identity
        self._audit = audit
        self._logins = Buckets(LOGINS_PER_MINUTE)
        self._changes = Buckets(settings.changes_per_minute)
        self._questions = Buckets(settings.questions_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":  # nothing here speaks over a WebSocket
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(Request(scope, receive), receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        known = self._identity.of(request)
        request.state.actor = None if known is None else known.actor
        request.state.csrf_token = "" if known is None else known.csrf_token
        refused = self._closed(request, known)
        if refused is not None or request.method in _SAFE:
            await (refused or self._app)(request.scope, receive, send)
        else:
            await self._change(request, known, receive, send)

    def _closed(self, request: Request, known: Known | None) -> Response | None:
        """Return the refusal of one who is not known; None to go on."""
        if wait_s := self._guessed(request, known):
            return _too_often(request, wait_s)
        if known is not None or request.scope["path"].startswith(_OPEN):
            return None
        if wants_json(request.scope) or request.method not in _SAFE:
            text = "This needs a token: send it as Authorization: Bearer TOKEN, or log in."
            return refusal(request.scope, 401, text, headers={"WWW-Authenticate": "Bearer"})
        query = f"?{request.url.query}" if request.url.query else ""
        back = urlencode({"next": request.scope["path"] + query})
        return RedirectResponse(f"{LOGIN}?{back}", 303)

    def _guessed(self, request: Request, known: Known | None) -> float:
        """Return how long who sends a token has to wait, because wrong ones came from there.

        The right one waits, too: else an answer would tell it at any speed.
        """
        if bearer(request) is None or (known is not None and known.by != "bearer"):
            return 0.0
        return self._logins.wait_s(client_of(request), take=known is None)

    async def _change(
        self, request: Request, known: Known | None, receive: Receive, send: Send
    ) -> None:
        path = request.scope["path"]
        is_login = path == LOGIN
        bucket = self._bucket(path)
        who = client_of(request) if known is None else known.actor.name
        if wait_s := bucket.wait_s(who):
            await _too_often(request, wait_s)(request.scope, receive, send)
            return
        try:
            body = await read_body(request.scope, receive)
        except BodyError as err:
            await refusal(request.scope, err.status_code, err.text)(request.scope, receive, send)
            return
        is_question = bucket is self._questions and only_asks(path, body)
        if bucket is self._questions and not is_question and (wait_s := self._changes.wait_s(who)):
            await _too_often(request, wait_s)(request.scope, receive, send)
            return
        receive_again = again(body, receive)
        with_body = Request(request.scope, again(body, receive))
        # Who logs in has no token yet, and what he sends is his own secret.
        if known is None or is_login:
            meant = comes_from_us(with_body)
        else:
            meant = await is_meant(with_body, known)
        if meant and is_question:
            await self._app(request.scope, receive_again, send)
        elif meant:
            await self._watched(request, receive_again, send)
        else:
            text = "The request carries no token of a page of ours; open the page again and repeat."
            response = refusal(request.scope, 403, text)
            await self._watched(request, receive_again, send, app=response)

    def _bucket(self, path: str) -> Buckets:
        if path == LOGIN:
            return self._logins
        return self._questions if path in MAY_ASK else self._changes

    async def _watched(
        self, request: Request, receive: Receive, send: Send, *, app: ASGIApp | None = None
    ) -> None:
        """Answer, and write down what came of it."""
        outcome, more = 500, ""

        async def noted(message: Message) -> None:
            nonlocal outcome, more
            if message["type"] == "http.response.start":
                outcome = message["status"]
                headers = dict(message.get("headers", ()))
                more = headers.get(b"location", b"").decode("latin-1")
            await send(message)

        try:
            await (app or self._app)(request.scope, receive, noted)
        finally:
            actor = request.state.actor
            await run_in_threadpool(
                self._audit.write,
                who="unknown" if actor is None else actor.name,
                what=f"{request.method} {request.scope['path']}",
                outcome=outcome,
                client=client_of(request),
                more=more,
            )


def client_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else "unknown"


def _too_often(request: Request, wait_s: float) -> Response:
    seconds = math.ceil(wait_s)
    text = f"This was asked too often; try again in {seconds} s."
    return refusal(request.scope, 429, text, headers={"Retry-After": str(seconds)})
