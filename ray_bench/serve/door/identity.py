"""Who asks: by a bearer token, by the cookie of a session, or because nobody has to log in."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from starlette.requests import Request

from ray_bench.serve.actor import Actor
from ray_bench.serve.door.sessions import Sessions
from ray_bench.serve.settings import AccessToken, ServeSettings

COOKIE = "ray_bench_session"
LOCAL_NAME = "local"


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, how we know, and the token that a change from a browser has to carry."""

    actor: Actor
    by: Literal["bearer", "session", "nothing"]
    csrf_token: str


class Identity:
    """Knows tokens and sessions."""

    def __init__(self, settings: ServeSettings) -> None:
        self.sessions = Sessions()
        self._tokens = settings.tokens
        self._read_only = settings.read_only
        self.csrf_token = secrets.token_urlsafe(32)

    def of(self, request: Request) -> Known | None:
        """Return who asks; None if nothing says it."""
        if not self._tokens:
            actor = Actor(LOCAL_NAME, "viewer" if self._read_only else "submitter")
            return Known(actor, "nothing", self.csrf_token)
        token = bearer(request)
        if token is not None:
            found = self.owner(token)
            return None if found is None else Known(found, "bearer", "")
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
        return None if session is None else Known(session.actor, "session", session.csrf_token)

    def owner(self, token: str) -> Actor | None:
        """Return whose token it is; takes as long for any wrong one."""
        given = token.encode(errors="replace")
        found = [x for x in self._tokens if hmac.compare_digest(x.secret.encode(), given)]
        if not found:
            return None
        role = "viewer" if self._read_only else found[0].role
        return Actor(name_of(found[0]), role)


def name_of(token: AccessToken) -> str:
    """Return what the audit calls the owner of a token: never the token itself."""
    return token.name or f"{token.role}-{sha256(token.secret.encode()).hexdigest()[:6]}"


def bearer(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer ...`; None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
