"""Pages from templates, with what all of them show."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ray_bench import __version__
from ray_bench.serve.actor import actor_or_none
from ray_bench.serve.service import service_of

#: Commands to a terminal, and what turns the direction of writing: no page has a use for them, and
#: a store may have texts of a stranger.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@cache
def environment() -> Environment:
    """Return the templates; every value in them is escaped."""
    return Environment(
        loader=PackageLoader("ray_bench.serve", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page.

    Args:
        request: What is answered.
        template: Its file, as `sweeps.html.j2`.
        status_code: Of HTTP.
        **values: What the template needs beside `request`, `actor`, `service`, `csrf_token`,
            `version`.
    """
    text = (
        environment()
        .get_template(template)
        .render(
            request=request,
            actor=actor_or_none(request),
            service=service_of(request),
            csrf_token=getattr(request.state, "csrf_token", ""),
            version=__version__,
            **values,
        )
    )
    return HTMLResponse(seen(text), status_code)


def seen(text: str) -> str:
    """Return a text with a mark for every character that nobody should be sent unseen."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)
