"""From stored results to a report on the terminal and in files."""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ray_bench.records import Results
    from ray_bench.report.model import Report
    from ray_bench.store import ResultsStore

#: In place of the key of a fold.
ALL = "all"
_FILE_WIDTH = 100
_MARKDOWN = "report.md"  # its pictures lie beside it


@dataclass(frozen=True, slots=True)
class Built:
    """A report of a stored sweep, and what it was made from."""

    report: Report
    results: Results
    is_usual: bool  # of the usual aim, horizon and target

    @property
    def sweep_id(self) -> str:
        """Its sweep."""
        return self.results.sweep.sweep_id


def build(
    store: ResultsStore,
    sweep_id: str | None,
    *,
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
    **ask: Any,
) -> Built:
    """Return the report of a stored sweep.

    Args:
        store: Where it is.
        sweep_id: Or what else `ResultsStore.sweep_id` understands.
        price_per_worker_hour: None takes its own price.
        currency: None takes its own.
        ask: What else `build_report` takes, to decide for.
    """
    from ray_bench.report.model import build_report

    results = store.read(sweep_id)
    report = build_report(
        results,
        attempts=store.attempts(results.sweep.sweep_id),
        price_per_worker_hour=price_per_worker_hour,
        currency=currency,
        **ask,
    )
    usual = {"aim": "balanced"}
    return Built(report, results, all(x is None or x == usual.get(key) for key, x in ask.items()))


def what_failed(store: ResultsStore, sweep_id: str | None) -> Report:
    """Return the report of what failed in a stored sweep."""
    from ray_bench.report.failures import failures_report

    results = store.read(sweep_id)
    sweep_id = results.sweep.sweep_id
    return failures_report(results, store.attempts(sweep_id), store.failures(sweep_id))


def show(built: Built, store: ResultsStore) -> None:
    """Write all of a report beside the results, say where, and print what answers the question.

    The answer comes last, so that it stays in view; it comes, too, where nothing can be written.
    """
    from ray_bench.cli.output import PatientConsole, echo
    from ray_bench.report.screen_terminal import print_screens

    try:
        for line in _written(built, store):
            echo(line, err=True)
    finally:
        print_screens(
            built.report,
            PatientConsole(),
            how_to_open=shlex.join(
                ["ray-bench", "report", store.root, "--sweep", built.sweep_id, "--fold"]
            ),
            whole=ALL,
        )


def print_topic(report: Report, key: str) -> None:
    """Print one fold of a report."""
    from rich.console import Console

    from ray_bench.report.terminal import print_fold, print_report

    if key == ALL:
        print_report(report, Console())
    else:
        print_fold(report, key, Console())


def _written(built: Built, store: ResultsStore) -> list[str]:
    """Write the reports, and what `ray-bench list` tells of them; return what to say of it."""
    from ray_bench.report.files import (
        copied_markdown,
        drawn,
        drawn_before,
        report_folder,
        write_markdown,
    )
    from ray_bench.report.html.page import html_report
    from ray_bench.report.kept import answer_record

    report, folder = built.report, report_folder(built.sweep_id)
    markdown = f"{folder}/{_MARKDOWN}"
    svgs = drawn(report, drawn_before(report, store, markdown))
    page, document = html_report(report, svgs), render(report, "json")
    paths = [
        store.write_text(f"{folder}/report.html", page),
        write_markdown(report, store, markdown, svgs),
        store.write_text(f"{folder}/report.json", document),
    ]
    if built.is_usual:
        store.write_answer(answer_record(report, built.results))
    said = [f"Written: {', '.join(paths)}"]
    if store.sweeps()[-1].sweep_id == built.sweep_id:
        copies = [
            store.write_text("report.html", page),
            store.write_text(_MARKDOWN, copied_markdown(report, folder, _MARKDOWN)),
            store.write_text("report.json", document),
        ]
        said.append(f"The same, as it is the newest sweep: {', '.join(copies)}")
    return said


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
