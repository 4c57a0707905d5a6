"""Whether a change was meant by who sends it, or sent by a page of a stranger (CSRF)."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from ray_bench.serve.door.identity import Known

FIELD, HEADER = "csrf_token", "x-csrf-token"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def comes_from_us(request: Request) -> bool:
    """Tell whether a browser, if it is one, sends this from a page of ours."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def is_meant(request: Request, known: Known) -> bool:
    """Tell whether who asks wants this change.

    A browser sends no bearer token of its own accord. A page of a stranger cannot send JSON without
    asking first, and nobody answers; that is enough where there is no cookie to ride on.
    """
    if known.by == "bearer":
        return True
    if not comes_from_us(request):
        return False
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    given = request.headers.get(HEADER)
    if given is None and kind in _FORMS:
        given = await _field(request)
    if given is None:
        return known.by == "nothing" and kind == "application/json"
    return hmac.compare_digest(given.encode(errors="replace"), known.csrf_token.encode())


async def _field(request: Request) -> str | None:
    try:
        async with request.form() as form:
            found = form.get(FIELD)
    except (HTTPException, MultiPartException, UnicodeDecodeError):
        return None
    return found if isinstance(found, str) else None
