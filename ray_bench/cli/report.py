"""`ray-bench report`: explain a sweep that was measured."""

from __future__ import annotations

from typing import Annotated

import typer

from ray_bench.cli.options import Currency, Folder, Output, Price, PriceOf, ReportFormat, SweepId
from ray_bench.errors import ConfigError

HELP = """Explain a sweep: speedup, efficiency, laws, cost, verdicts, and what to be careful about.

Without --format the curve, its numbers and, last, the answer are printed, and all of it written to
DIR/reports/SWEEP/report.html, .md and .json; those of the newest sweep also to DIR/report.html, .md
and .json. The page is one file that works offline, with interactive charts. --fold prints one of
the topics that are folded away, --format terminal all of them.
Works without torch and Ray, also on results that were measured elsewhere.

\b
Examples:
  ray-bench report results
  ray-bench report results --price 3.06 --currency USD
  ray-bench report results --price-of aws/p4d.24xlarge --aim budget=50USD --epochs 90
  ray-bench report results --aim deadline=30min --max-workers 64
  ray-bench report results --target 'accuracy>=0.985' --aim fastest
  ray-bench report results --format html --output report.html
  ray-bench report s3://bucket/results --format md --output report.md
  ray-bench report results --failures
  ray-bench report results --sweep baseline --fold losses
  ray-bench report results --sweep 20260102T030405Z-1a2b3c --format json
"""


def report(
    folder: Folder = "results",
    sweep: SweepId = None,
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", show_default=False, help="Print this one, and write no files."),
    ] = None,
    output: Output = None,
    price: Price = None,
    currency: Currency = None,
    price_of: PriceOf = None,
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
        str | None,
        typer.Option(
            metavar="TARGET",
            show_default=False,
            help="Metric to decide for, by how soon it is reached: 0.9 (validation accuracy), "
            "'accuracy>=90%' or 'val_loss<=0.3'. Not given: the sweep's metrics.target; without "
            "one a run is decided for, and what every run reached is told.",
        ),
    ] = None,
    margin: Annotated[
        str | None,
        typer.Option(
            metavar="MARGIN",
            show_default=False,
            help="Differences up to which trainings count as the same: accuracy=0.3%,loss=1%,"
            "samples=5%. Not given: the sweep's metrics, by default 0.5 points of accuracy, 2 % of "
            "loss, 10 % of samples to the target.",
        ),
    ] = None,
    failures: Annotated[
        bool,
        typer.Option(
            "--failures",
            help="Print what failed instead: each attempt with its cause by rank, traceback, time "
            "and what to do.",
        ),
    ] = False,
    fold: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", show_default=False, help="Print this topic instead, e.g. losses."
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of --format json, and stop.")
    ] = False,
) -> None:
    """Explain a sweep."""
    if schema:
        from ray_bench.report.json_schema import schema_text

        typer.echo(schema_text().rstrip("\n"))
        return
    from ray_bench.cli.opened import opened
    from ray_bench.cli.reporting import build, print_topic, show, what_failed, write

    if failures:
        write(what_failed(opened(folder), sweep), form or ReportFormat.TERMINAL, output)
        return
    _check(epochs, target)
    if fold is not None and (form is not None or output is not None):
        raise ConfigError("--fold prints on the terminal; leave --format and --output out.")
    price, currency = _price(price, price_of, currency)
    store = opened(folder)
    built = build(
        store,
        sweep,
        price_per_worker_hour=price,
        currency=currency,
        aim=aim,
        max_workers=max_workers,
        epochs=epochs,
        target=target,
        margin=margin,
    )
    if fold is not None:
        print_topic(built.report, fold)
    elif form is None and output is None:
        show(built, store)
    else:
        write(built.report, form or ReportFormat.MD, output)


def _check(epochs: float | None, target: str | None) -> None:
    from ray_bench.config.metric_target import parse_target

    if epochs is not None and not 0 < epochs < float("inf"):
        raise ConfigError(f"--epochs has to be above 0, got {epochs:g}.")
    if target is not None:
        parse_target(target)


def _price(
    price: float | None, price_of: str | None, currency: str | None
) -> tuple[float | None, str | None]:
    """Return price and currency, from the price list where one of it is named."""
    from ray_bench.config.prices import price_of as listed

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
