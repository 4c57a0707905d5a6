"""`ray-bench list`: what a results folder holds, and what each sweep said."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ray_bench.cli.options import Folder, TableForm, TableFormat

if TYPE_CHECKING:
    from ray_bench.store.summary import SweepSummary

HELP = """List the sweeps in the results, newest first, each with its answer.

A sweep is finished when all its runs are done, failed when all have ended but some did not finish,
and unfinished when some have left no record. `ray-bench run ... --resume` does what is missing. The
answers are those of the last report of each sweep; nothing is analysed here.

\b
Examples:
  ray-bench list
  ray-bench list s3://bucket/results --limit 20
  ray-bench list results --tag nightly --state finished
  ray-bench list results --workload 'resnet*' --format json
"""


class StateName(StrEnum):
    """How far a sweep is; `store.summary` has the same names."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    FAILED = "failed"


def list_sweeps(
    results: Folder = "results",
    workload: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Only of this workload; * is any."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG", show_default=False, help="Only with this tag; repeated: with all."
        ),
    ] = None,
    state: Annotated[
        StateName | None, typer.Option(show_default=False, help="Only those that are so far.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, show_default=False, help="Not given: all of them."),
    ] = None,
    form: TableForm = TableFormat.TERMINAL,
) -> None:
    """List the sweeps."""
    from ray_bench.cli.opened import opened
    from ray_bench.store.summary import values_of

    store = opened(results)
    every = store.summaries()
    found = [x for x in every if _fits(x, workload, frozenset(tag or ()), state)]
    shown = found[:limit]
    if form is TableFormat.JSON:
        typer.echo(json.dumps([values_of(summary) for summary in shown], indent=2))
        return
    if not found:
        which = f"of the {len(every)} sweeps in {store.root} fits" if every else "is there"
        none = f"There are no sweeps in {store.root}."
        typer.echo(none if not every else f"None {which}.", err=True)
        return
    typer.echo("\n\n".join("\n".join(_lines(summary, store.root)) for summary in shown))
    if len(shown) < len(found):
        typer.echo(f"{len(found) - len(shown)} older ones are not shown.", err=True)


def _fits(
    summary: SweepSummary, workload: str | None, tags: frozenset[str], state: str | None
) -> bool:
    from fnmatch import fnmatchcase

    return (
        (workload is None or fnmatchcase(summary.workload or "", workload))
        and tags <= set(summary.labels.tags)
        and (state is None or summary.state == state)
    )


def _lines(summary: SweepSummary, root: str) -> Iterator[str]:
    """Yield a sweep in lines that fit a narrow terminal: which, what, and its answer."""
    labels = summary.labels
    called = [*([labels.name] if labels.name else []), *(f"+{tag}" for tag in labels.tags)]
    head = f"{summary.sweep_id}  {summary.created_at_utc:%Y-%m-%d %H:%M}  {summary.state:10}"
    yield printable("  ".join([head.rstrip(), *called]))
    sizes = ", ".join(map(str, summary.world_sizes)) or "?"
    what = f"{summary.workload or 'unknown workload'}, workers {sizes}, {_runs(summary)}"
    hardware = summary.answer.hardware if summary.answer is not None else None
    yield f"  {printable(what)}{f', {printable(hardware)}' if hardware else ''}"
    yield f"  {_answer_line(summary, root)}"
    if labels.note:
        yield f"  Note: {printable(' '.join(labels.note.split()))}"


def _runs(summary: SweepSummary) -> str:
    runs = f"{summary.num_done} of {summary.num_planned} runs"
    ended = f", {summary.num_ended} diverged or stopped" if summary.num_ended else ""
    return f"{runs}{ended}, {summary.num_failed} failed" if summary.num_failed else runs + ended


def _answer_line(summary: SweepSummary, root: str) -> str:
    from ray_bench import __version__

    command = shlex.join(["ray-bench", "report", root, "--sweep", summary.sweep_id])
    if summary.answer is None:
        if not summary.num_done:
            return "No answer: no run has finished."
        return printable(f"Not yet analysed; {command}")
    words = printable(summary.answer.lead)
    if not summary.is_answer_current:
        return f"{words} Out of date, for there are other runs now; {printable(command)}"
    version = summary.answer.ray_bench_version
    return words if version == __version__ else f"{words} (by ray_bench {printable(version)})"


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: anybody may have written the results."""
    return "".join(c if c.isprintable() else "?" for c in text)
