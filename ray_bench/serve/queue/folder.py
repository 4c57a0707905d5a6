"""A job of the local queue on disk: a folder with a small file for each thing that happened.

    request.json   what is asked for, by whom, when; the folder appears with it
    begun.json     who watches over the sweep; or that it was cancelled before. Written once
    stop.json      that it was asked to stop
    ended.json     how it ended
    log.txt        what it said

Every file is written whole by one writer, and none is changed later, so that neither a service that
is killed nor a second one beside it can spoil anything.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, final

import psutil

from ray_bench.errors import StoreError
from ray_bench.report.format import clean
from ray_bench.serve.board import Job, JobPhase, JobRequest, LogPart
from ray_bench.serve.queue.watch import CLAIM, END, LOG, write_new
from ray_bench.sweep.board import announced

_REQUEST, _STOP = "request.json", "stop.json"
#: Of a log that is shown at once, and of its beginning, where a sweep says its id.
_MOST_BYTES = 128 * 1024
_LAST_WORDS = 500
#: A stamp of a process is rounded, and its clock may be set while it lives.
_SAME_S = 2.0
#: Exit codes of a sweep that was stopped: by a signal that it has handled, or has not.
STOPPED = (130, 143, -2, -15)


@final
class JobFolder:
    """One job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job_id = path.name

    @property
    def log(self) -> Path:
        """What the sweep says."""
        return self.path / LOG

    def write_request(self, request: JobRequest, actor: str) -> bool:
        """Make the job; tell whether it is new."""
        part = self.path.with_name(f".{self.job_id}-{uuid.uuid4().hex}")
        part.mkdir(parents=True)
        asked = {"request": asdict(request), "actor": actor, "at_utc": _now()}
        (part / _REQUEST).write_text(json.dumps(asked), encoding="utf-8")
        try:
            os.rename(part, self.path)  # refused where there is a folder with something in it
        except OSError:
            shutil.rmtree(part)
            if not (self.path / _REQUEST).is_file():
                raise
            return False
        return True

    def cancel(self) -> bool:
        """Take a job that has not begun out of the queue; tell whether that was in time."""
        return write_new(self.path / CLAIM, {"cancelled": True, "at_utc": _now()})

    def note_stop(self, *, now: bool) -> None:
        """Remember that it was asked to stop."""
        write_new(self.path / _STOP, {"now": now, "at_utc": _now()})

    def watcher(self) -> psutil.Process | None:
        """Return the living process that watches over the sweep; None where there is none."""
        claim = self._read(CLAIM)
        return None if claim is None or "pid" not in claim else _alive(claim)

    def job(self) -> Job | None:
        """Return what became of it so far; None where there is no such job."""
        asked = self._read(_REQUEST)
        if asked is None:
            return None
        claim, stop = self._read(CLAIM), self._read(_STOP)
        is_alive = claim is not None and "pid" in claim and _alive(claim) is not None
        end = self._read(END)  # after the look at its watcher: that one writes it last
        code = None if end is None else int(end["exit_code"])
        phase = _phase(claim, code, is_alive=is_alive, is_stopped=stop is not None)
        has_begun = claim is not None and "pid" in claim
        return Job(
            job_id=self.job_id,
            phase=phase,
            request=request_of(asked["request"]),
            actor=str(asked["actor"]),
            asked_at_utc=datetime.fromisoformat(asked["at_utc"]),
            started_at_utc=_when(claim) if has_begun else None,
            ended_at_utc=_when(end if has_begun else claim),
            sweep_id=self._sweep_id(asked["request"]),
            exit_code=code,
            error=self._error(code) if phase == "failed" else None,
            extra={"is_stopping": phase == "running" and stop is not None},
        )

    def part(self, offset: int, *, has_ended: bool) -> LogPart:
        """Return what it has said from `offset` bytes on, whole lines while it goes on."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(min(offset, size))
                found = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return LogPart("", 0, is_whole=has_ended)
        start = min(offset, size)
        is_last = start + len(found) >= size
        if not (has_ended and is_last) and b"\n" in found:
            found = found[: found.rindex(b"\n") + 1]
        end = start + len(found)
        return LogPart(found.decode(errors="replace"), end, is_whole=has_ended and end >= size)

    def _sweep_id(self, request: Mapping[str, Any]) -> str | None:
        resumed = request["resumed"]
        return str(resumed) if resumed else announced(self.part(0, has_ended=True).text)

    def _error(self, code: int | None) -> str:
        if code is None:
            return "The process that watched over the sweep was killed; what it measured is kept."
        return last_words(self._end_of_log()) or f"The sweep ended with exit code {code}."

    def _end_of_log(self) -> str:
        if not self.log.is_file():
            return ""
        return self.part(max(0, self.log.stat().st_size - 8192), has_ended=True).text

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as err:  # a machine that lost its power may leave it empty
            raise StoreError(
                f"{path} is damaged: {err}. Remove the folder {self.path}; results are elsewhere."
            ) from err
        return found


def request_of(values: Mapping[str, Any]) -> JobRequest:
    """Return the request that was written down."""
    lists = {name: tuple(values[name]) for name in ("settings", "script", "tags")}
    return JobRequest(**{**values, **lists})


def last_words(log: str) -> str:
    """Return the line of an error, or else the last one."""
    lines = [line for line in map(clean, log.splitlines()) if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1].removeprefix("error: ")[:_LAST_WORDS]


def _phase(
    claim: Mapping[str, Any] | None, code: int | None, *, is_alive: bool, is_stopped: bool
) -> JobPhase:
    if claim is None:
        return "queued"
    if "cancelled" in claim:
        return "stopped"
    if code is None:
        return "running" if is_alive else "failed"
    if code == 0:
        return "finished"
    return "stopped" if is_stopped or code in STOPPED else "failed"


def _alive(claim: Mapping[str, Any]) -> psutil.Process | None:
    """Return the process of a claim, if it is that one, and not another with its number."""
    try:
        process = psutil.Process(int(claim["pid"]))
        is_same = abs(process.create_time() - float(claim["created_s"])) < _SAME_S
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _when(values: Mapping[str, Any] | None) -> datetime | None:
    return None if values is None else datetime.fromisoformat(values["at_utc"])


def _now() -> str:
    return datetime.now(UTC).isoformat()


def newest_first(jobs: Iterable[Job]) -> list[Job]:
    """Return jobs in the order in which they are listed."""
    return sorted(jobs, key=lambda job: (job.asked_at_utc, job.job_id), reverse=True)
