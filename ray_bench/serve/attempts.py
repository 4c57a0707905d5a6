"""Attempts of runs as rows of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ray_bench.records import FLAGS, RunRecord
from ray_bench.report.cells import number
from ray_bench.report.format import show


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt of a run, numbers as words."""

    run_id: str
    attempt: int
    order: int
    workers: int
    repeat: int
    lr_rule: str
    status: str
    look: Literal["ok", "warn", "bad"]  # warn: it diverged or was stopped, which is a result
    throughput: str
    took: str
    started_at_utc: datetime
    what: str  # error, or flags
    flags: tuple[tuple[str, str], ...]  # key, and what it means


def attempt_rows(attempts: Sequence[RunRecord]) -> list[AttemptRow]:
    """Return a row an attempt, in the order in which they began."""
    return [_row(run) for run in attempts]


def _row(run: RunRecord) -> AttemptRow:
    return AttemptRow(
        run_id=run.run_id,
        attempt=run.attempt,
        order=run.order_index + 1,
        workers=run.point.world_size,
        repeat=run.repeat + 1,
        lr_rule=run.point.lr_rule or "",
        status="finished" if run.status == "ok" else run.status.replace("_", " "),
        look="ok" if run.status == "ok" else "warn" if not run.must_repeat else "bad",
        throughput=show(number(run.throughput_samples_per_s, "samples/s")).value,
        took=show(number(run.wall_s, "s")).value,
        started_at_utc=run.started_at_utc,
        what=next(iter((run.error_message or run.error_type or "").splitlines()), ""),
        flags=tuple((key, FLAGS.get(key, key)) for key in run.flags),
    )
