"""A row of the list of sweeps as texts: what a person reads, in the words of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ray_bench.report.cells import Cell, Kind
from ray_bench.report.drawing.rows import typeset
from ray_bench.report.format import clean, seconds, show
from ray_bench.serve.index import SweepRow
from ray_bench.serve.sparkline import sparkline

#: What a state looks like: an icon and a colour, never without a word.
Look = Literal["run", "ok", "warn", "bad", "stop", "wait"]

_DASH = "\u2013"
_MOST_SETTINGS = 4
_LONGEST_VALUE = 40
_LOOKS: dict[str, Look] = {
    "running": "run",
    "finished": "ok",
    "stopped": "stop",
    "unfinished": "wait",
    "unreadable": "bad",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number with its bounds; the value is a dash where it is not known."""

    value: str
    interval: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is one."""
        return self.value != _DASH


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLine:
    """What stands in a row.

    Attributes:
        row: What it is of.
        look: Of its state.
        state: In words.
        settings: Those that differ among the rows shown, and the machines.
        head: The answer in a few words, or why there is none.
        rest: What is to be added to it.
        done_frac: Of a sweep that runs: share of its runs that have ended; else None.
        now_frac: Share that is under way.
        curve: A small drawing, as SVG; None where nothing can be drawn.
        efficiency: At the recommended workers; so are the next two.
        time: Of a run.
        cost: Of a run.
        when: The day.
        can_compare: Whether there is anything to compare.
    """

    row: SweepRow
    look: Look
    state: str
    settings: str
    head: str
    rest: str
    done_frac: float | None
    now_frac: float
    curve: str | None
    efficiency: Number
    time: Number
    cost: Number
    when: str
    can_compare: bool


def lines_of(
    rows: Sequence[SweepRow], differing: Sequence[str], today: date
) -> tuple[SweepLine, ...]:
    """Return rows as texts; the curves have the same axes.

    Args:
        rows: Of a page.
        differing: Settings to tell.
        today: In UTC.
    """
    sizes = [point.world_size for row in rows for point in row.curve]
    largest = max(16, *sizes, 16)
    return tuple(_line(row, differing, largest, today) for row in rows)


def _line(row: SweepRow, differing: Sequence[str], largest: int, today: date) -> SweepLine:
    head, rest = _answer(row)
    progress = row.progress
    num_planned = max(1, progress.num_planned) if progress is not None else 1
    return SweepLine(
        row=row,
        look=_look(row),
        state=_state(row),
        settings=_settings(row, differing),
        head=typeset(clean(head)),
        rest=typeset(clean(rest)),
        done_frac=None if progress is None else min(1, progress.num_ended / num_planned),
        now_frac=0 if progress is None else min(1, progress.num_running / num_planned),
        curve=sparkline(row.curve, largest) if row.curve else None,
        efficiency=_number(row, "efficiency"),
        time=_number(row, "run_time"),
        cost=_number(row, "cost"),
        when=_when(row.created_at_utc.date(), today),
        can_compare=row.num_done > 0,
    )


def _look(row: SweepRow) -> Look:
    if row.state == "failed":
        return "warn" if row.num_done else "bad"
    return _LOOKS[row.state]


def _state(row: SweepRow) -> str:
    if row.state == "unreadable":
        return "cannot be read"
    if row.state == "failed" and row.num_done and row.num_failed:
        return "1 run failed" if row.num_failed == 1 else f"{row.num_failed} runs failed"
    return f"{row.state}, {row.num_ended} diverged or stopped" if row.num_ended else row.state


def _settings(row: SweepRow, differing: Sequence[str]) -> str:
    own = [row.workload] if row.labels.name and row.workload else []
    told = [f"{key}={_short(row.settings[key])}" for key in differing if key in row.settings]
    more = [f"{len(told) - _MOST_SETTINGS} more"] if len(told) > _MOST_SETTINGS else []
    parts = [*own, *told[:_MOST_SETTINGS], *more, *([row.hardware] if row.hardware else [])]
    return clean(" · ".join(parts))


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"


def _answer(row: SweepRow) -> tuple[str, str]:
    """Return the answer or why there is none, and what is to be added."""
    added = [row.message] if row.message and row.state != "unreadable" else []
    if row.problems and row.state != "unreadable":
        files = "One file" if len(row.problems) == 1 else f"{len(row.problems)} files"
        added.append(f"{files} cannot be read: {row.problems[0]}")
    runs = f"{row.num_done} of {row.num_planned} runs"
    if row.state == "unreadable":
        return "No answer", row.message
    if row.progress is not None:
        left_s = row.progress.left_s
        left = [] if left_s is None else [f"{seconds(left_s)} left"]
        head = f"{row.progress.num_ended} of {row.progress.num_planned} runs"
        return head, " ".join([*left, *added])
    if row.answer is None:
        if not row.num_done:
            return "No answer: no run has finished", " ".join(added)
        head = "Not analysed yet" if row.num_done == row.num_planned else f"No answer yet: {runs}"
        return head, " ".join(added)
    head, _, rest = row.answer.lead.removesuffix(".").rpartition(": ")
    if not row.is_answer_current:
        added.insert(0, "Out of date: there are other runs now.")
    return head or rest, " ".join([*([f"{rest}."] if head and rest else []), *added])


def _number(row: SweepRow, key: str) -> Number:
    figure = row.figures.get(key)
    if figure is None or figure.value is None:
        return Number(value=_DASH)
    kind: Kind | None = None if isinstance(figure.value, str) else "measured"
    cell = Cell(figure.value, figure.unit, kind, figure.low, figure.high, figure.currency)
    shown = show(cell)
    interval = (
        shown.interval if shown.interval.count("-") else shown.interval.replace(" to ", _DASH)
    )
    return Number(value=typeset(shown.value), interval=typeset(interval))


def _when(day: date, today: date) -> str:
    if day == today:
        return "today"
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b} {day.year}"
