"""Sweeps as jobs of a Ray cluster, through its job server, which keeps them.

A job's name there follows from its `request_key`: Ray takes a name once, so that a submission that
is made again finds its job. What was asked for stands in the job's metadata. The cluster's token
stays in this process.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, final

from ray_bench.errors import LaunchError
from ray_bench.serve.board import Job, JobPhase, JobRequest, LogPart
from ray_bench.serve.queue.allowed import check
from ray_bench.serve.queue.command import job_id_of, run_words
from ray_bench.serve.queue.folder import STOPPED, last_words, newest_first, request_of
from ray_bench.serve.settings import ServeSettings
from ray_bench.store import ResultsStore
from ray_bench.store.stop_note import ask_to_stop
from ray_bench.sweep.board import VARIABLE, announced

if TYPE_CHECKING:
    from ray_bench.launch.jobs import Jobs

_PHASES: dict[str, JobPhase] = {
    "PENDING": "queued",
    "RUNNING": "running",
    "STOPPED": "stopped",
    "SUCCEEDED": "finished",
    "FAILED": "failed",
}
_KEY = "ray_bench_job"
_MOST_BYTES = 128 * 1024


@final
class RayBoard:
    """The jobs of this service on a Ray cluster.

    Args:
        settings: Of the service; its results are a place that the cluster sees, too.
        jobs: The job server, for tests.
    """

    def __init__(self, settings: ServeSettings, jobs: Any = None) -> None:
        self._settings = settings
        self._jobs: Jobs | None = jobs
        self._lock = threading.Lock()
        self._sweep_ids: dict[str, str] = {}
        self._ended: dict[str, Job] = {}  # nothing changes of them any more

    def submit(self, request: JobRequest, actor: str) -> Job:
        """Submit it; see `Board`."""
        check(request, self._settings)
        from ray_bench.launch.job_request import JobRequest as RayRequest

        job_id = job_id_of(request)
        found = self.job(job_id)
        if found is not None:
            return found
        asked = {
            "request": asdict(request),
            "results": self._settings.results,
            "actor": actor,
            "at_utc": datetime.now(UTC).isoformat(),
        }
        wanted = RayRequest(
            arguments=tuple(run_words(request, self._settings.results)[1:]),
            runtime_env={"env_vars": {VARIABLE: "1"}},
            submission_id=job_id,
            metadata={_KEY: json.dumps(asked)},
        )
        server = self._server()
        try:
            server.submit(wanted, server.python())
        except LaunchError:
            found = self.job(job_id)  # it may have arrived, by this call or by one beside it
            if found is None:
                raise
            return found
        found = self.job(job_id)
        assert found is not None, "the job server has just taken it"
        return found

    def jobs(self) -> list[Job]:
        """Return all jobs of services of these results, newest first; see `Board`."""
        found = [self._job(x) for x in self._server().all() if self._is_ours(x)]
        queue = [job.job_id for job in reversed(newest_first(found)) if job.phase == "queued"]
        places = {job_id: place for place, job_id in enumerate(queue, start=1)}
        return newest_first(replace(job, place=places.get(job.job_id)) for job in found)

    def job(self, job_id: str) -> Job | None:
        """Return one; see `Board`."""
        return next((job for job in self.jobs() if job.job_id == job_id), None)

    def job_of_sweep(self, sweep_id: str) -> Job | None:
        """Return the newest job of a sweep; see `Board`."""
        return next((job for job in self.jobs() if job.sweep_id == sweep_id), None)

    def stop(self, job_id: str, *, now: bool) -> None:
        """Stop it; see `Board`."""
        job = self.job(job_id)
        if job is None:
            raise LaunchError(f"There is no job {job_id!r} on the cluster.")
        if job.phase not in ("queued", "running"):
            raise LaunchError(f"The job {job_id} has ended already; there is nothing to stop.")
        if not now and job.sweep_id is not None and job.phase == "running":
            ask_to_stop(ResultsStore(self._settings.results), job.sweep_id)
        else:
            self._server().stop(job_id)

    def log(self, job_id: str, offset: int) -> LogPart:
        """Return a part of what it has said; see `Board`."""
        job = self.job(job_id)
        if job is None:
            raise LaunchError(f"There is no job {job_id!r} on the cluster.")
        text = self._server().log(job_id).encode()
        part = text[offset : offset + _MOST_BYTES]
        end = min(offset, len(text)) + len(part)
        has_ended = job.phase not in ("queued", "running")
        is_whole = has_ended and end >= len(text)
        return LogPart(part.decode(errors="replace"), end, is_whole=is_whole)

    def close(self) -> None:
        """Nothing is held open; see `Board`."""

    def _server(self) -> Jobs:
        """Return the job server; a cluster that comes later than the service is found then."""
        with self._lock:
            if self._jobs is None:
                from ray_bench.launch.jobs import Jobs

                self._jobs = Jobs(self._settings.address)
            return self._jobs

    def _is_ours(self, details: Any) -> bool:
        """Tell whether a service of the same results asked: others have sweeps that we do not."""
        try:
            asked = json.loads((details.metadata or {}).get(_KEY, "{}"))
            return bool(asked.get("results") == self._settings.results)
        except (ValueError, AttributeError):  # anybody may give a job any metadata
            return False

    def _job(self, details: Any) -> Job:
        job_id = str(details.submission_id)
        if job_id in self._ended:
            return self._ended[job_id]
        job = self._asked(job_id, details)
        if job.phase not in ("queued", "running"):
            self._ended[job_id] = job
        return job

    def _asked(self, job_id: str, details: Any) -> Job:
        asked = json.loads(details.metadata[_KEY])
        code: int | None = details.driver_exit_code
        phase = _PHASES[str(details.status.value)]
        if phase == "failed" and code in STOPPED:
            phase = "stopped"
        request = request_of(asked["request"])
        return Job(
            job_id=job_id,
            phase=phase,
            request=request,
            actor=str(asked["actor"]),
            asked_at_utc=datetime.fromisoformat(asked["at_utc"]),
            started_at_utc=None if phase == "queued" else _when(details.start_time),
            ended_at_utc=_when(details.end_time),
            sweep_id=request.resumed or self._sweep_id(job_id, phase),
            exit_code=code,
            error=self._error(details) if phase == "failed" else None,
        )

    def _sweep_id(self, job_id: str, phase: JobPhase) -> str | None:
        """Return what the job's log says; asked for until it is known."""
        if job_id not in self._sweep_ids and phase != "queued":
            said = announced(self._server().log(job_id))
            if said is None and phase == "running":
                return None
            self._sweep_ids[job_id] = said or ""
        return self._sweep_ids.get(job_id) or None

    def _error(self, details: Any) -> str:
        if details.driver_exit_code is None:
            return str(details.message or "Ray could not run the job's program.")[-500:]
        return last_words(self._server().log(details.submission_id)) or str(details.message)


def _when(stamp_ms: int | None) -> datetime | None:
    return None if not stamp_ms else datetime.fromtimestamp(stamp_ms / 1000, UTC)
