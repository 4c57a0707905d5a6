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
  ray-bench report results --price-of aws/p4d.24xlarge --aim budget=50USD --epochs 90
  ray-bench report results --aim deadline=30min --max-workers 64
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
    price_of: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, help="A price that `ray-bench prices` lists."
        ),
    ] = None,
    aim: Annotated[
        str,
        typer.Option(
            metavar="AIM",
            help="What to decide for: fastest, cheapest, balanced (least time x money), "
            "deadline=30min, budget=5USD or efficiency=0.8.",
        ),
    ] = "balanced",
    max_workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            show_default=False,
            help="Choose from predicted world sizes up to N too. Not given: from the measured "
            "ones, as long as one of them meets the aim.",
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=False,
            help="Epochs of the run that you plan. Not given: as many as were measured.",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=False,
            help="Validation accuracy to reach, between 0 and 1. Not given: what every run "
            "reached.",
        ),
    ] = None,
) -> None:
    """Explain a sweep."""
    from ray_bench.cli.reporting import build, show, write
    from ray_bench.store import ResultsStore

    _check(epochs, target)
    price, currency = _price(price, price_of, currency)
    store = ResultsStore(folder)
    built = build(
        store,
        sweep,
        price_per_worker_hour=price,
        currency=currency,
        aim=aim,
        max_workers=max_workers,
        epochs=epochs,
        target_frac=target,
    )
    if form is None and output is None:
        show(built, store)
    else:
        write(built, form or Format.MD, output)


def _check(epochs: float | None, target: float | None) -> None:
    from ray_bench.errors import ConfigError

    if epochs is not None and not 0 < epochs < float("inf"):
        raise ConfigError(f"--epochs has to be above 0, got {epochs:g}.")
    if target is not None and not 0 < target <= 1:
        raise ConfigError(f"--target is a fraction above 0, at most 1, like 0.9; got {target:g}.")


def _price(
    price: float | None, price_of: str | None, currency: str | None
) -> tuple[float | None, str | None]:
    """Return price and currency, from the price list where one of it is named."""
    from ray_bench.config.prices import price_of as listed
    from ray_bench.errors import ConfigError

    if price_of is None:
        return price, currency
    if price is not None:
        raise ConfigError("--price and --price-of are two prices; give one of them.")
    found = listed(price_of)
    if currency is not None and currency.upper() != found.currency:
        raise ConfigError(
            f"{found.name} is listed in {found.currency}, not in {currency}; leave --currency out, "
            "or give --price."
        )
    typer.echo(
        f"Price: {found.price_per_worker_hour:.4g} {found.currency} per worker and hour, "
        f"{found.name} ({found.region}), list price of {found.date}: {found.source}",
        err=True,
    )
    return found.price_per_worker_hour, found.currency
