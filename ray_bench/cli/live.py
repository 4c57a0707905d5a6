"""What is seen on stderr while a sweep runs: a table on a terminal, else a line a run."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self, final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ray_bench.records import RunRecord
from ray_bench.sweep.progress import SweepProgress, as_duration
from ray_bench.sweep.viewer import Viewer


class Display(Viewer, Protocol):
    """Shows a progress that somebody else counts."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal tidy."""
        ...


def display_for(progress: SweepProgress, *, quiet: bool) -> Display:
    """Return the display that suits where stderr goes."""
    if sys.stderr.isatty() and not quiet:
        return LiveTable(progress, Console(stderr=True))
    return PlainLines(progress, failures_only=quiet)


@final
class PlainLines:
    """One line on stderr for every run that ended."""

    def __init__(self, progress: SweepProgress, *, failures_only: bool = False) -> None:
        self._progress = progress
        self._failures_only = failures_only

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def finished(self, run: RunRecord) -> None:
        """Write the run's line."""
        if not run.is_finished or not self._failures_only:
            typer.echo(run_line(self._progress, run), err=True)

    def note(self, text: str) -> None:
        """Write the sentence."""
        typer.echo(text, err=True)


@final
class LiveTable:
    """A table on the terminal, redrawn as runs start and end; failures scroll above it."""

    def __init__(self, progress: SweepProgress, console: Console) -> None:
        self._progress = progress
        self._console = console
        # stdout is for results and stays as it is.
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=2,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def finished(self, run: RunRecord) -> None:
        """Redraw; a failure also leaves a line."""
        if not run.is_finished:
            self._console.print(Text(run_line(self._progress, run), style="red"))
        self._live.refresh()

    def note(self, text: str) -> None:
        """Leave the sentence above the table."""
        self._console.print(Text(text))

    def _draw(self) -> Group:
        return Group(progress_table(self._progress), Text(summary_line(self._progress)))


def progress_table(progress: SweepProgress) -> Table:
    """Return one row a point."""
    table = Table("point", box=None, header_style="bold", pad_edge=False)
    for name in ("done", "running", "left", "failed", "samples/s"):
        table.add_column(name, justify="right")
    for row in progress.rows:
        speed = row.throughput_samples_per_s
        table.add_row(
            Text(row.label),
            str(row.num_done),
            str(row.num_running),
            str(row.num_left),
            Text(str(row.num_failed), style="red" if row.num_failed else ""),
            "-" if speed is None else f"{speed:,.0f}",
        )
    return table


def summary_line(progress: SweepProgress) -> str:
    """Return counts, the time so far and an estimate of what is left."""
    left_s = progress.left_s()
    left = "" if left_s is None else f", about {as_duration(left_s)} left"
    ended = f"{progress.num_ended} of {progress.num_planned} runs"
    return f"{ended}, {as_duration(progress.elapsed_s)}{left}"


def run_line(progress: SweepProgress, run: RunRecord) -> str:
    """Return one line about a run that ended."""
    head = f"[{progress.num_ended}/{progress.num_planned}] {progress.label(run.point)}:"
    if not run.is_finished:
        cause = (run.error_message or "no message").strip().partition("\n")[0]
        rank = "" if run.error_rank is None else f"rank {run.error_rank}: "
        return (
            f"{head} {run.status.upper()} after {run.wall_s:.1f} s: {rank}{run.error_type}: {cause}"
        )
    speed = run.throughput_samples_per_s
    text = "no throughput" if speed is None else f"{speed:,.0f} samples/s"
    return f"{head} {text} in {run.wall_s:.1f} s"
