"""What is seen on stderr while a sweep runs: a table on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Protocol, Self, final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ray_bench.cli.output import PatientConsole, echo, outliving
from ray_bench.config.script import ScriptLines
from ray_bench.records import RunRecord
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.live_run import LiveRun
from ray_bench.sweep.progress import SweepProgress, as_duration
from ray_bench.sweep.viewer import Viewer

#: How often a line says what goes on where there is no terminal.
LINE_EVERY_S = 30.0
#: A step or a phase that takes longer is told with its time.
_LONG_S = 5.0


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


def display_for(live: LiveSweep, *, quiet: bool) -> Display:
    """Return the display that suits where stderr goes."""
    if sys.stderr.isatty() and not quiet:
        return LiveTable(live, PatientConsole(stderr=True))
    return PlainLines(live, failures_only=quiet)


@final
class PlainLines:
    """A line on stderr for every run that ended, and every half minute for those that go on."""

    def __init__(
        self, live: LiveSweep, *, failures_only: bool = False, every_s: float = LINE_EVERY_S
    ) -> None:
        self._live = live
        self._failures_only = failures_only
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if not self._failures_only:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go(self) -> None:
        while not self._ended.wait(self._every_s):
            for line in live_lines(self._live):
                echo(line, err=True)

    def finished(self, run: RunRecord) -> None:
        """Write the run's line."""
        if not run.is_finished or not self._failures_only:
            echo(run_line(self._live.progress, run), err=True)

    def note(self, text: str) -> None:
        """Write the sentence; what a script says itself is progress."""
        if not (self._failures_only and isinstance(text, ScriptLines)):
            echo(text, err=True)


@final
class LiveTable:
    """A table on the terminal, and below it what goes on; failures scroll above it."""

    def __init__(self, live: LiveSweep, console: Console) -> None:
        self._live_sweep = live
        self._console = console
        # stdout is for results and stays as it is.
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=2,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        with outliving(sys.stderr):
            self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        with outliving(sys.stderr):
            self._live.stop()

    def finished(self, run: RunRecord) -> None:
        """Redraw; a failure also leaves a line."""
        with outliving(sys.stderr):
            if not run.is_finished:
                line = run_line(self._live_sweep.progress, run)
                self._console.print(Text(line, style="red"))
            self._live.refresh()

    def note(self, text: str) -> None:
        """Leave the sentence above the table."""
        with outliving(sys.stderr):
            self._console.print(Text(text))

    def _draw(self) -> Group:
        live = self._live_sweep
        with live.lock:
            lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in live_lines(live)]
            return Group(progress_table(live.progress), *lines, Text(summary_line(live.progress)))


def live_lines(live: LiveSweep) -> list[str]:
    """Return a line for every run that goes on."""
    with live.lock:
        now_s, total = live.clock_s(), live.progress.num_planned
        return [f"[{x.number}/{total}] {x.label}: {live_line(x, now_s)}" for x in live.runs]


def live_line(run: LiveRun, now_s: float) -> str:
    """Return what a run does: phase, step, throughput so far, loss, time left, and any trouble."""
    words = [_phase_words(run, now_s)]
    if run.num_steps is not None and run.step_since_s(now_s) is not None:
        words.append(_step_words(run, run.num_steps, now_s))
    if run.samples_per_s is not None:
        words.append(f"{run.samples_per_s:,.0f} samples/s so far")
    if run.loss is not None:
        words.append(f"loss {run.loss:.3g}")
    left_s = run.left_s(now_s)
    if left_s is not None:
        words.append(f"about {as_duration(left_s)} left")
    trouble = run.trouble(now_s)
    return ", ".join(words) + (f"; {trouble}" if trouble else "")


def _phase_words(run: LiveRun, now_s: float) -> str:
    evaluated = run.evaluated
    detail = f" ({run.detail})" if run.detail else ""
    share = "" if evaluated is None else f" {evaluated[0]:,} of {evaluated[1]:,} samples"
    since_s = now_s - run.phase_since_s
    is_stepping = run.step_since_s(now_s) is not None
    since = f" since {as_duration(since_s)}" if since_s >= _LONG_S and not is_stepping else ""
    return f"{run.phase}{detail}{share}{since}"


def _step_words(run: LiveRun, num_steps: int, now_s: float) -> str:
    since_s = run.step_since_s(now_s) or 0.0
    if run.step >= num_steps:
        return f"step {num_steps:,} of {num_steps:,}"
    since = f" since {as_duration(since_s)}" if since_s >= _LONG_S else ""
    return f"{'in ' if since else ''}step {run.step + bool(since):,} of {num_steps:,}{since}"


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
    head = f"[{progress.num_ended}/{progress.num_planned}] {progress.label_of(run)}:"
    if not run.is_finished:
        cause = (run.error_message or "no message").strip().partition("\n")[0]
        rank = "" if run.error_rank is None else f"rank {run.error_rank}: "
        has_only_waited = run.wall_s == 0.0 and run.wait_s is not None
        time = f"{run.wait_s:.1f} s of waiting" if has_only_waited else f"{run.wall_s:.1f} s"
        return f"{head} {run.status.upper()} after {time}: {rank}{run.error_type}: {cause}"
    speed = run.throughput_samples_per_s
    text = "no throughput" if speed is None else f"{speed:,.0f} samples/s"
    return f"{head} {text} in {run.wall_s:.1f} s"
