"""Arguments that several commands share; a command adds those that are its own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ray_bench.errors import ConfigError

Config = Annotated[
    str | None,
    typer.Argument(
        metavar="CONFIG",
        show_default=False,
        help="A YAML file, or the name of a preset (`demo`, `curve`).",
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

Extend = Annotated[
    bool,
    typer.Option(
        "--extend",
        help="Take over the finished runs of an earlier sweep that differs in world_sizes, "
        "lr_rules, seeds or repeats alone, and run the rest.",
    ),
]


def check_one_of(*, resume: bool, extend: bool) -> None:
    """Refuse --resume and --extend together.

    Raises:
        ConfigError: If both are given.
    """
    if resume and extend:
        raise ConfigError(
            "--resume continues a sweep as it was asked for, --extend begins a larger one: give "
            "one of them. What --extend began is continued with --resume."
        )


class ScalingMode(StrEnum):
    """Which batch was fixed."""

    WEAK = "weak"
    STRONG = "strong"


class ReportFormat(StrEnum):
    """What a report or a comparison is written as."""

    TERMINAL = "terminal"
    MD = "md"
    JSON = "json"
    HTML = "html"
    CSV = "csv"


class PageFormat(StrEnum):
    """How what has sections and tables is printed."""

    TERMINAL = "terminal"
    MD = "md"
    JSON = "json"


class TableFormat(StrEnum):
    """How a single table is printed."""

    TERMINAL = "terminal"
    JSON = "json"


PageForm = Annotated[
    PageFormat, typer.Option("--format", help="For people, for a page, or for programs.")
]
TableForm = Annotated[
    TableFormat, typer.Option("--format", help="A table for people, or JSON for programs.")
]
Output = Annotated[
    str | None,
    typer.Option(
        metavar="PATH", show_default=False, help="Write to this file instead of printing."
    ),
]

Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="The results: a folder, s3://... or gs://...")
]
Results = Annotated[
    str, typer.Option(metavar="DIR", help="Where results go: a folder, s3://... or gs://...")
]
SweepId = Annotated[
    str | None,
    typer.Option(
        metavar="SWEEP",
        show_default=False,
        help="An id or its start, a name, or a tag. Not given: the newest sweep.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        show_default=False,
        help="Ray cluster to use, e.g. auto. Not given: a Ray of its own on this machine.",
    ),
]

At = Annotated[
    list[int] | None,
    typer.Option(
        metavar="N",
        min=1,
        show_default=False,
        help="A world size to predict; may be repeated. Not given: doublings of the measured ones.",
    ),
]
WorkersPerNode = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        show_default=False,
        help="Workers on a node; beyond it the link between nodes counts.",
    ),
]

Price = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        min=0,
        show_default=False,
        help="Money per worker and hour. Not given: that of the sweep, if it has one.",
    ),
]
Currency = Annotated[
    str | None,
    typer.Option(metavar="C", show_default=False, help="Currency of the price, e.g. EUR."),
]
PriceOf = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="A price that `ray-bench prices` lists."),
]


def split(config: str | None, overrides: list[str] | None) -> tuple[str | None, list[str]]:
    """Return the configuration's source and the overrides: the first word may be either."""
    rest = overrides or []
    if config is not None and "=" in config:
        return None, [config, *rest]
    return config, rest
