"""Whether a sweep goes on, by what it last said of itself, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ray_bench.store.summary import State, SweepSummary

#: A sweep says something every second, or every five in an object store; clocks differ.
SILENT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sweep is that runs; `left_s` None where it cannot be told yet."""

    num_planned: int
    num_ended: int
    num_running: int
    num_failed: int
    left_s: float | None


def state_of(
    summary: SweepSummary,
    live: Mapping[str, Any] | None,
    heard_at_utc: datetime | None,
    now: datetime,
) -> tuple[State, str]:
    """Return how far a sweep is, and what to know of it.

    Args:
        summary: What is stored of its runs.
        live: What it last said of itself; None: nothing.
        heard_at_utc: When it said so.
        now: The time of day.
    """
    said = None if live is None else live.get("state")
    message = str(live.get("message") or "") if live is not None else ""
    if said == "running" and heard_at_utc is not None:
        if now - heard_at_utc <= SILENT:
            return "running", ""
        when = f"{heard_at_utc:%Y-%m-%d %H:%M} UTC"
        return summary.state, f"It has said nothing since {when}, and has probably died."
    if said == "interrupted" and summary.state == "unfinished":
        return "stopped", message
    return ("failed", message) if said == "failed" else (summary.state, "")


def progress_of(live: Mapping[str, Any]) -> Progress:
    """Return how far a sweep says that it is; what it does not say is 0."""
    runs = live.get("runs")
    left_s = live.get("left_s")
    return Progress(
        num_planned=_count(live.get("num_planned")),
        num_ended=_count(live.get("num_ended")),
        num_running=len(runs) if isinstance(runs, list) else 0,
        num_failed=max(0, _count(live.get("num_failed")) - _count(live.get("num_lasting"))),
        left_s=float(left_s) if isinstance(left_s, int | float) else None,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
