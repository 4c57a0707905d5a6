"""Answers that a browser need not fetch again while nothing has changed."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response


def tag_of(*parts: object) -> str:
    """Return an ETag of whatever an answer is made from."""
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """Return the answer to whoever has this already; None to all others."""
    known = (x.strip() for x in request.headers.get("if-none-match", "").split(","))
    return Response(status_code=304, headers={"ETag": tag}) if tag in known else None
