"""`ray-bench report`: explain a sweep that was measured."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

HELP = """Explain a sweep: speedup, efficiency, laws, cost, verdicts, and what to be careful about.

Without --format the report is printed, and written to DIR/report.md and DIR/report.json.
Works without torch and Ray, also on results that were measured elsewhere.

\b
Examples:
  ray-bench report results
  ray-bench report results --price 3.06 --currency USD
  ray-bench report s3://bucket/results --format md --output report.md
  ray-bench report results --sweep 20260102T030405Z-1a2b3c --format json
"""


class Format(StrEnum):
    """What a report is written as."""

    TERMINAL = "terminal"
    MD = "md"
    JSON = "json"


def report(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="The results: a folder, s3://... or gs://...")
    ] = "results",
    sweep: Annotated[
        str | None,
        typer.Option(metavar="ID", show_default=False, help="Not given: the newest sweep."),
    ] = None,
    form: Annotated[
        Format | None,
        typer.Option("--format", show_default=False, help="Print this one, and write no files."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", show_default=False, help="Write to this file instead of printing."
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            show_default=False,
            help="Money per worker and hour. Not given: that of the sweep, if it has one.",
        ),
    ] = None,
    currency: Annotated[
        str | None,
        typer.Option(metavar="C", show_default=False, help="Currency of the price, e.g. EUR."),
    ] = None,
) -> None:
    """Explain a sweep."""
    from ray_bench.cli.reporting import build, show, write
    from ray_bench.store import ResultsStore

    store = ResultsStore(folder)
    built = build(store, sweep, price_per_worker_hour=price, currency=currency)
    if form is None and output is None:
        show(built, store)
    else:
        write(built, form or Format.MD, output)
