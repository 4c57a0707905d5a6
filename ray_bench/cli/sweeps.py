"""`ray-bench sweeps`: what a results folder holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ray_bench.cli.options import Folder, TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.store.summary import SweepSummary

HELP = """List the sweeps in the results, newest first.

A sweep is complete when all its runs are done, failed when all have ended but some did not finish,
and unfinished when some have left no record. `ray-bench run ... --resume` does what is missing.

\b
Examples:
  ray-bench sweeps
  ray-bench sweeps s3://bucket/results --limit 20
  ray-bench sweeps results --format json
"""


def sweeps(
    results: Folder = "results",
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default=False, help="Not given: all of them."),
    ] = None,
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """List the sweeps."""
    from ray_bench.cli.opened import opened

    store = opened(results)
    found = store.summaries()
    shown = found[:limit]
    if form is TableFormat.JSON:
        typer.echo(json.dumps([_values(summary) for summary in shown], indent=2))
        return
    if not found:
        typer.echo(f"There are no sweeps in {store.root}.", err=True)
        return
    typer.echo(_table(shown))
    if len(shown) < len(found):
        typer.echo(f"{len(found) - len(shown)} older ones are not shown.", err=True)


def _values(summary: SweepSummary) -> dict[str, Any]:
    created = summary.created_at_utc.isoformat()
    return {**asdict(summary), "created_at_utc": created, "state": summary.state}


def _table(summaries: tuple[SweepSummary, ...]) -> str:
    from ray_bench.cli.tables import text_table

    header = ("sweep", "created (UTC)", "workload", "workers", "done", "failed", "planned", "state")
    rows = [
        (
            _printable(summary.sweep_id),
            f"{summary.created_at_utc:%Y-%m-%d %H:%M:%S}",
            _printable(summary.workload or "-"),
            ",".join(map(str, summary.world_sizes)) or "-",
            str(summary.num_done),
            str(summary.num_failed),
            str(summary.num_planned),
            summary.state,
        )
        for summary in summaries
    ]
    return text_table(header, rows, right=(4, 5, 6))


def _printable(text: str) -> str:
    """Return a text that cannot steer a terminal: anybody may have written the results."""
    return "".join(c if c.isprintable() else "?" for c in text)
