"""`ray-bench compare`: two sweeps against each other, and a gate for releases."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import Currency, Output, Price, ReportFormat

if TYPE_CHECKING:
    from ray_bench.analysis.comparison import Comparison
    from ray_bench.report.model import Report

HELP = """Compare two sweeps: what became better or worse, and how surely.

Every change has an interval and a verdict: better, worse, same or cannot tell. The gate fails,
with exit code 3, where throughput is worse by more than the tolerance. Where it cannot tell, the
exit code is 0, unless --strict is given. Sweeps that differ in batch, hardware and the like are
refused; versions of software and commits may differ, for they are what is compared. Needs neither
torch nor Ray.

\b
Examples:
  ray-bench compare base-results new-results
  ray-bench compare results results --sweep-base baseline --sweep-new nightly
  ray-bench compare s3://bucket/main results --tolerance 0.05 --strict --format md
  ray-bench compare base new --gate throughput --gate memory --allow hardware
"""

REGRESSION_EXIT_CODE = 3
DEFAULT_TOLERANCE = 0.02


class Gate(StrEnum):
    """What a gate may look at; `analysis.comparison` has the same names."""

    THROUGHPUT = "throughput"
    SPEEDUP = "speedup"
    TIME_TO_ACCURACY = "time_to_accuracy"
    COST = "cost"
    MEMORY = "memory"


class Kind(StrEnum):
    """What may be allowed to differ; `analysis.comparison` has the same names."""

    WORKLOAD = "workload"
    DATA = "data"
    BATCH = "batch"
    PRECISION = "precision"
    HARDWARE = "hardware"
    THREADS = "threads"
    SETTINGS = "settings"
    METHOD = "method"
    OVERSUBSCRIBED = "oversubscribed"


def compare(
    base: Annotated[
        str, typer.Argument(metavar="BASE", help="Results as they were: a folder, s3://, gs://.")
    ],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Results as they are now; may be the same folder.")
    ],
    sweep_base: Annotated[
        str | None,
        typer.Option(metavar="SWEEP", show_default=False, help="Of BASE. Not given: its newest."),
    ] = None,
    sweep_new: Annotated[
        str | None,
        typer.Option(metavar="SWEEP", show_default=False, help="Of NEW. Not given: its newest."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(
            metavar="X", help="A change within it is none: 0.02 is 2 %, or 2 points of a share."
        ),
    ] = DEFAULT_TOLERANCE,
    gate: Annotated[
        list[Gate] | None,
        typer.Option(
            metavar="METRIC",
            show_default=False,
            help="What the gate looks at: throughput, speedup, time_to_accuracy, cost or memory; "
            "may be repeated. Not given: throughput.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit code 3 also where a regression is not ruled out."),
    ] = False,
    allow: Annotated[
        list[Kind] | None,
        typer.Option(
            metavar="KIND",
            show_default=False,
            help="Compare although they differ in this: workload, data, batch, precision, "
            "hardware, threads, settings, method or oversubscribed; may be repeated.",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=False,
            help="Validation accuracy of time to accuracy, between 0 and 1. Not given: what every "
            "run of both reached.",
        ),
    ] = None,
    fold: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", show_default=False, help="Print this topic instead, e.g. comparison."
        ),
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="For people, for a page, or for programs.")
    ] = ReportFormat.TERMINAL,
    output: Output = None,
    price: Price = None,
    currency: Currency = None,
) -> None:
    """Compare two sweeps."""
    from ray_bench.analysis.comparison import Allow, Metric
    from ray_bench.analysis.comparison import compare as compared
    from ray_bench.cli.opened import opened
    from ray_bench.cli.reporting import print_topic, write
    from ray_bench.report.comparison import comparison_report

    before, after = opened(base).read(sweep_base), opened(new).read(sweep_new)
    found = compared(
        before,
        after,
        tolerance_frac=tolerance,
        gate=[Metric(x) for x in gate or [Gate.THROUGHPUT]],
        allow=[Allow(x) for x in allow or []],
        target_frac=target,
    )
    report = comparison_report(
        found, before, after, price_per_worker_hour=price, currency=currency, new_root=new
    )
    if fold is not None:
        print_topic(report, fold)
    elif form is ReportFormat.TERMINAL and output is None:
        _print(report)
    else:
        write(report, form, output)
    _end(found, strict)


def _print(report: Report) -> None:
    """Print what answers the question, and how to see the rest."""
    from rich.console import Console

    from ray_bench.cli.reporting import ALL
    from ray_bench.report.screen_terminal import print_screens

    how_to_open = "the same command with --fold"
    print_screens(report, Console(), how_to_open=how_to_open, whole=ALL)


def _end(comparison: Comparison, strict: bool) -> None:
    """Say the outcome where a log ends, and leave with its exit code."""
    from ray_bench.analysis.comparison import Outcome

    outcome = comparison.outcome
    fails = outcome is Outcome.FAILED or (strict and outcome is Outcome.UNDECIDED)
    code = REGRESSION_EXIT_CODE if fails else 0
    hint = ""
    if outcome is Outcome.UNDECIDED and not strict:
        hint = " A regression is NOT ruled out; --strict makes that an error."
    typer.echo(f"Gate: {outcome}, exit code {code}.{hint}", err=True)
    if code:
        raise typer.Exit(code)
