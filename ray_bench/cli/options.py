"""Arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Config = Annotated[
    str | None,
    typer.Argument(
        metavar="CONFIG",
        show_default=False,
        help="A YAML file, or the name of a preset (`demo`).",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        show_default=False,
        help="Settings on top of it; dots for groups (data.standin=true). Values are YAML.",
    ),
]


def split(config: str | None, overrides: list[str] | None) -> tuple[str | None, list[str]]:
    """Return the configuration's source and the overrides: the first word may be either."""
    rest = overrides or []
    if config is not None and "=" in config:
        return None, [config, *rest]
    return config, rest
