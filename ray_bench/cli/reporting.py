"""From stored results to a report on the terminal and in files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ray_bench.report.model import Report
    from ray_bench.store import ResultsStore

_FILE_WIDTH = 100
_MARKDOWN = "report.md"  # its pictures lie beside it


def build(
    store: ResultsStore,
    sweep_id: str | None,
    *,
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
    **ask: Any,
) -> Report:
    """Return the report of a stored sweep.

    Args:
        store: Where it is.
        sweep_id: None takes the newest one.
        price_per_worker_hour: None takes its own price.
        currency: None takes its own.
        ask: What else `build_report` takes, to decide for.
    """
    from ray_bench.report.model import build_report

    results = store.read(sweep_id)
    return build_report(
        results,
        attempts=store.attempts(results.sweep.sweep_id),
        price_per_worker_hour=price_per_worker_hour,
        currency=currency,
        **ask,
    )


def what_failed(store: ResultsStore, sweep_id: str | None) -> Report:
    """Return the report of what failed in a stored sweep."""
    from ray_bench.report.failures import failures_report

    results = store.read(sweep_id)
    sweep_id = results.sweep.sweep_id
    return failures_report(results, store.attempts(sweep_id), store.failures(sweep_id))


def show(report: Report, store: ResultsStore, whole: str) -> None:
    """Print what answers the question, write all of it beside the results, and say where.

    Args:
        report: What to say.
        store: Of the results.
        whole: How to have all of it printed.
    """
    from ray_bench.cli.output import PatientConsole, echo
    from ray_bench.report.digest import digest
    from ray_bench.report.files import drawn, drawn_before, write_markdown
    from ray_bench.report.html.page import html_report
    from ray_bench.report.terminal import print_report

    print_report(digest(report), PatientConsole())
    svgs = drawn(report, drawn_before(report, store, _MARKDOWN))
    paths = [
        store.write_text("report.html", html_report(report, svgs)),
        write_markdown(report, store, _MARKDOWN, svgs),
        store.write_text("report.json", render(report, "json")),
    ]
    echo(f"\nWritten: {', '.join(paths)}", err=True)
    echo(f"All of it here: {whole}", err=True)


def render(report: Report, form: str) -> str:
    """Return the report as text: "html", "md", "json", "csv", or "terminal" without colours."""
    if form == "html":
        from ray_bench.report.html.page import html_report

        return html_report(report)
    if form == "md":
        from ray_bench.report.markdown import markdown_report

        return markdown_report(report)
    if form == "json":
        from ray_bench.report.json_report import json_report

        return json_report(report)
    if form == "csv":
        from ray_bench.report.csv_report import csv_report

        return csv_report(report)
    from rich.console import Console

    from ray_bench.report.terminal import print_report

    sink = io.StringIO()
    print_report(report, Console(file=sink, width=_FILE_WIDTH))
    return sink.getvalue()


def write(report: Report, form: str, output: str | None) -> None:
    """Print the report in one form, or write it to a file; Markdown with pictures beside it."""
    if output is None and form == "terminal":
        from rich.console import Console

        from ray_bench.report.terminal import print_report

        print_report(report, Console())
        return
    if output is None:
        typer.echo(render(report, form).rstrip("\n"))
        return
    from ray_bench.report.files import write_markdown
    from ray_bench.store import ResultsStore

    path = Path(output).expanduser().absolute()
    store = ResultsStore(path.parent)
    if form == "md":
        written = write_markdown(report, store, path.name)
    else:
        written = store.write_text(path.name, render(report, form))
    typer.echo(f"Written: {written}", err=True)
