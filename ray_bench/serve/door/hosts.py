"""By which names the service may be called.

A page of a stranger can give its own name our address (DNS rebinding), and would then be taken for
one of ours by the browser. Its requests still carry its name.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ray_bench.serve.door.refusals import refusal
from ray_bench.serve.settings import ServeSettings

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class HostCheck:
    """Answers 400 to a request that calls the service by a name that is not its own."""

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._is_open = settings.host in ("0.0.0.0", "::")
        own = (settings.host,) if not self._is_open else (socket.gethostname(), socket.getfqdn())
        self._names = frozenset(x.lower() for x in (*_LOOPBACK, *own, *settings.hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or refuse."""
        if scope["type"] == "http" and not self._is_ours(Headers(scope=scope).getlist("host")):
            text = "The service does not go by this name; start it with --host-name NAME."
            await refusal(scope, 400, text, is_plain=True)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, given: list[str]) -> bool:
        host = hostname(given[0]) if len(given) == 1 else None
        if host is None:
            return False
        # An address was not looked up, so nobody can have turned it to us.
        return host in self._names or (self._is_open and _is_address(host))


def hostname(text: str) -> str | None:
    """Return the name in `name:port`, in small letters; None if there is none."""
    try:
        parts = urlsplit(f"//{text}")
        has_port = parts.port is not None or not text.endswith(":")
    except ValueError:
        return None
    return parts.hostname if has_port and parts.netloc == text and "@" not in text else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
