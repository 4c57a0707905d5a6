"""Pages from templates, with what all of them show."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from ray_bench import __version__
from ray_bench.serve.actor import actor_or_none
from ray_bench.serve.service import service_of


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
    return HTMLResponse(text, status_code)
