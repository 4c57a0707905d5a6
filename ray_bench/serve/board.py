"""The board of sweeps that were asked for here: queued, running and ended jobs.

`queue.local.LocalBoard` runs them on this machine, one after the other, and keeps what it knows on
disk; `queue.cluster.RayBoard` gives them to Ray's job server, which keeps them. A service that is
killed loses and doubles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

JobPhase = Literal["queued", "running", "finished", "failed", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A sweep that is asked for, in the words of `ray-bench run`.

    Attributes:
        source: A preset, or None.
        settings: `key=value`, checked by the configuration's own models before they come here.
        script: What stands after `--`; empty: a workload. Only where code is allowed.
        resumed: Id of a sweep to continue; None: a new one.
        name: What the sweep is called.
        tags: Of the sweep.
        note: On the sweep.
        budget: At most so much, as `20min` or `5USD`; None: no limit.
        request_key: Chosen by the form: the same key twice is one job.
    """

    source: str | None
    settings: tuple[str, ...] = ()
    script: tuple[str, ...] = ()
    resumed: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    budget: str | None = None
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What became of it so far."""

    job_id: str
    phase: JobPhase
    request: JobRequest
    actor: str
    asked_at_utc: datetime
    started_at_utc: datetime | None = None
    ended_at_utc: datetime | None = None
    sweep_id: str | None = None  # known when the sweep has begun
    exit_code: int | None = None
    error: str | None = None  # the last words, of one that failed
    place: int | None = None  # in the queue, 1 is next; None where it waits no more
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a job's log, and where the next one begins."""

    text: str
    next_offset: int
    is_whole: bool  # the job has ended, and this is its end


class Board(Protocol):
    """Where sweeps that are asked for here run."""

    def submit(self, request: JobRequest, actor: str) -> Job:
        """Take a sweep; the same `request_key` again returns the job that there is.

        Raises:
            RayBenchError: If it cannot be taken.
        """

    def jobs(self) -> Sequence[Job]:
        """Return all jobs, newest first."""

    def job(self, job_id: str) -> Job | None:
        """Return one; None where there is none."""

    def job_of_sweep(self, sweep_id: str) -> Job | None:
        """Return the newest job that measures or measured a sweep."""

    def stop(self, job_id: str, *, now: bool) -> None:
        """Stop it: after the run that is under way, or now. What is measured is kept.

        Raises:
            RayBenchError: If it has ended, or cannot be reached.
        """

    def log(self, job_id: str, offset: int) -> LogPart:
        """Return what it has said from `offset` bytes on."""

    def close(self) -> None:
        """Let go of threads and connections; a running sweep goes on."""
