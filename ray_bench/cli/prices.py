"""`ray-bench prices`: what a worker costs in the cloud, by list price."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.config.prices import ListPrice

HELP = """List on-demand prices of cloud instances, each with its date and source.

They are list prices of that day, for a look at the order of magnitude: check before you rely on
them. `ray-bench report --price-of NAME` takes one.

\b
Examples:
  ray-bench prices
  ray-bench prices a100
  ray-bench prices aws --format json
"""


def prices(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTER",
            show_default=False,
            help="Only those with all of these words in name, device or region.",
        ),
    ] = None,
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """List prices."""
    from ray_bench.config.prices import matching
    from ray_bench.errors import ConfigError

    wanted = " ".join(words or ())
    found = matching(wanted)
    if not found:
        raise ConfigError(f"No price has {wanted!r} in it; `ray-bench prices` lists all.")
    if form is TableFormat.JSON:
        typer.echo(json.dumps([_values(x) for x in found], indent=2))
    else:
        typer.echo(_table(found))
        typer.echo(_sources(found))


def _values(price: ListPrice) -> dict[str, object]:
    return {
        **price.model_dump(mode="json"),
        "price_per_worker_hour": price.price_per_worker_hour,
    }


def _table(found: tuple[ListPrice, ...]) -> str:
    from ray_bench.cli.tables import text_table

    header = ("name", "device", "workers", "instance/h", "worker/h", "", "region", "listed")
    rows = [
        (
            x.name,
            x.device,
            str(x.workers),
            f"{x.price_per_hour:.3f}",
            f"{x.price_per_worker_hour:.3f}",
            x.currency,
            x.region,
            x.date.isoformat(),
        )
        for x in found
    ]
    return text_table(header, rows, right=(2, 3, 4))


def _sources(found: tuple[ListPrice, ...]) -> str:
    sources = dict.fromkeys(x.source for x in found)
    listed = "\n".join(f"  {source}" for source in sources)
    return (
        f"\nOn demand, list price on the day it was listed; check before you rely on it:\n{listed}"
    )
