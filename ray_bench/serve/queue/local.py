"""Sweeps as processes of this machine, one after the other."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import psutil

from ray_bench.errors import LaunchError, StoreError
from ray_bench.serve.board import Job, JobRequest, LogPart
from ray_bench.serve.queue import watch
from ray_bench.serve.queue.allowed import check
from ray_bench.serve.queue.command import absolute, environment, job_id_of, run_words
from ray_bench.serve.queue.folder import JobFolder, newest_first
from ray_bench.serve.settings import ServeSettings
from ray_bench.store import ResultsStore
from ray_bench.store.stop_note import ask_to_stop

logger = logging.getLogger(__name__)

_JOB_ID = re.compile(r"job-[0-9a-f]{16}")
#: How often the queue is looked at; a submission is seen at once.
_EVERY_S = 1.0
#: From a watcher's start to its claim.
_CLAIM_S = 30.0


@final
class LocalBoard:
    """The queue of this machine, in a folder of it.

    Of several services on one folder the one that holds a lock starts the jobs; a sweep that is
    under way is in a session of its own and needs none of them.

    Args:
        settings: Of the service.
        program: What is run in place of `python -m ray_bench`, for tests.
    """

    def __init__(self, settings: ServeSettings, program: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._program = tuple(program or (sys.executable, "-m", "ray_bench"))
        self._folder = settings.state_dir / "queue"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as err:
            raise StoreError(
                f"The queue cannot be kept in {self._folder}: {err.strerror}. Give another folder "
                "as --state-dir."
            ) from err
        self._ended: dict[str, Job] = {}  # nothing changes of them any more
        self._watchers: list[int] = []  # started here: their numbers are given back at their end
        self._lock: int | None = None
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go, name="queue", daemon=True)
        if not settings.read_only:
            self._thread.start()

    def submit(self, request: JobRequest, actor: str) -> Job:
        """Queue a sweep; see `Board`."""
        check(request, self._settings)
        folder = JobFolder(self._folder / job_id_of(request))
        try:
            folder.write_request(request, actor)
        except OSError as err:
            raise StoreError(
                f"The queue in {self._folder} cannot be written: {err.strerror}. Nothing was "
                "queued."
            ) from err
        self._wake.set()
        found = self.job(folder.job_id)
        assert found is not None, "it was just written"
        return found

    def jobs(self) -> list[Job]:
        """Return all jobs, newest first; see `Board`."""
        names = sorted(os.listdir(self._folder))
        found = [job for name in names if (job := self._known(name)) is not None]
        queue = [job.job_id for job in reversed(newest_first(found)) if job.phase == "queued"]
        places = {job_id: place for place, job_id in enumerate(queue, start=1)}
        return newest_first(replace(job, place=places.get(job.job_id)) for job in found)

    def job(self, job_id: str) -> Job | None:
        """Return one; see `Board`."""
        found = self._known(job_id)
        if found is None or found.phase != "queued":
            return found
        return next((job for job in self.jobs() if job.job_id == job_id), None)

    def job_of_sweep(self, sweep_id: str) -> Job | None:
        """Return the newest job of a sweep; see `Board`."""
        return next((job for job in self.jobs() if job.sweep_id == sweep_id), None)

    def stop(self, job_id: str, *, now: bool) -> None:
        """Stop it; see `Board`."""
        job = self._known(job_id)
        folder = JobFolder(self._folder / job_id)
        if job is None:
            raise LaunchError(f"There is no job {job_id!r} in this queue.")
        if job.phase == "queued" and folder.cancel():
            return
        watcher = folder.watcher()
        if watcher is None:
            raise LaunchError(f"The job {job_id} has ended already; there is nothing to stop.")
        folder.note_stop(now=now)
        if not now and job.sweep_id is not None:
            ask_to_stop(ResultsStore(self._settings.results), job.sweep_id)
            return
        try:  # before its sweep has begun no run is under way that could be waited for
            watcher.send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            return  # it has ended by itself

    def log(self, job_id: str, offset: int) -> LogPart:
        """Return a part of what it has said; see `Board`."""
        job = self._known(job_id)
        if job is None:
            raise LaunchError(f"There is no job {job_id!r} in this queue.")
        has_ended = job.phase not in ("queued", "running")
        return JobFolder(self._folder / job_id).part(offset, has_ended=has_ended)

    def close(self) -> None:
        """Start no more jobs; see `Board`."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for pid in self._watchers:
            os.waitpid(pid, os.WNOHANG)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _known(self, job_id: str) -> Job | None:
        if _JOB_ID.fullmatch(job_id) is None:
            return None
        if job_id not in self._ended:
            found = JobFolder(self._folder / job_id).job()
            if found is None or found.phase in ("queued", "running"):
                return found
            self._ended[job_id] = found
        return self._ended[job_id]

    def _go(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(_EVERY_S)
            self._wake.clear()
            try:
                if self._holds_lock() and not self._closed.is_set():
                    self._start_next()
            except (OSError, StoreError) as err:
                logger.warning("The queue in %s cannot be worked on: %s.", self._folder, err)

    def _holds_lock(self) -> bool:
        """Return whether this service starts the jobs."""
        if self._lock is None:
            file = os.open(self._folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._lock = file
        return True

    def _start_next(self) -> None:
        self._watchers = [pid for pid in self._watchers if os.waitpid(pid, os.WNOHANG)[0] == 0]
        jobs = self.jobs()
        waiting = [job for job in reversed(jobs) if job.phase == "queued"]
        if waiting and not any(job.phase == "running" for job in jobs):
            self._start(waiting[0])

    def _start(self, job: Job) -> None:
        """Start its watcher, and wait until it has the job: the next must not begin beside it."""
        folder = self._folder / job.job_id
        own = self._settings
        words = [*self._program, *run_words(job.request, absolute(own.results))]
        env = environment(own)
        command = [sys.executable, "-I", str(Path(watch.__file__)), str(folder), *words]
        nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        # Not `subprocess`, which warns where a process outlives its parent's interest, as it must.
        pid = os.posix_spawn(sys.executable, command, env, file_actions=nothing, setsid=True)
        until_s = time.monotonic() + _CLAIM_S
        while not (folder / watch.CLAIM).exists():
            if os.waitpid(pid, os.WNOHANG)[0] != 0:
                if not (folder / watch.CLAIM).exists():
                    raise OSError(f"the watcher of {job.job_id} ended before it began")
                return
            if time.monotonic() > until_s or self._closed.wait(0.02):
                break
        self._watchers.append(pid)
