"""The body of a request: read whole before a route sees it, up to a limit."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MAX_BYTES = 1_000_000
MAX_S = 20.0


class BodyError(Exception):
    """It is too large (413), too slow (408), or broken off."""

    def __init__(self, status_code: int, text: str) -> None:
        super().__init__(status_code, text)
        self.status_code, self.text = status_code, text


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return it.

    Raises:
        BodyError: It is larger than 1 MB, or takes longer than 20 s.
    """
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal():
        raise BodyError(400, "Content-Length is not a number.")
    if int(declared) > MAX_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(MAX_S):
            return await _read(receive)
    except TimeoutError as err:
        raise BodyError(408, f"The body did not come within {MAX_S:.0f} s; send it again.") from err


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyError(400, "The body broke off.")
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> BodyError:
    return BodyError(413, f"A request may have {MAX_BYTES / 1e6:.0f} MB; send less.")


def again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body that was read, and then what comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
