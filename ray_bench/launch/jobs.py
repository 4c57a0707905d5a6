"""Ray's Jobs SDK: submit a job, follow its log, learn how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import ray
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

from ray_bench.errors import ConfigError, LaunchError
from ray_bench.launch.job_request import JobRequest
from ray_bench.launch.nodes import Node, nodes_of
from ray_bench.launch.raylet import knows_itself, python_of_raylet

INTERRUPTED = 130
_ANSWER_S = 10.0
_VARIABLE = "RAY_API_SERVER_ADDRESS"
_PAUSE_S = 1.0
_LOST_AFTER = 30  # failed attempts to reach the job server again, one a pause
_STATS_AFTER = 45  # attempts: a head that has just started does not know itself yet
#: They tell every upload as INFO.
_TALKATIVE = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
_TOKEN_REMEDY = (
    "A cluster with tokens needs RAY_AUTH_MODE=token here and its own token, in ~/.ray/auth_token "
    "or where RAY_AUTH_TOKEN_PATH says."
)
_TROUBLE = (aiohttp.ClientError, ConnectionError, OSError, RuntimeError, ray.exceptions.RayError)


class Jobs:
    """The job server of a cluster."""

    def __init__(self, address: str | None) -> None:
        """Connect.

        Args:
            address: of the job server; None takes RAY_API_SERVER_ADDRESS, RAY_ADDRESS, or port
                8265 of this machine, as Ray does.

        Raises:
            ConfigError: If it is no URL.
            LaunchError: If nothing answers there, or the token is refused.
        """
        if address is not None and "://" not in address:
            raise ConfigError(
                f"--address {address!r} is no URL of a job server; give http://host:8265, where "
                "the cluster's dashboard is."
            )
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            if address is not None:
                _check_answers(address)
            with _preferred(address):
                self._client = JobSubmissionClient(address)
        except (*_TROUBLE, ValueError) as err:
            where = "" if address is None else f" at {address!r}"
            raise LaunchError(
                f"No job server of a Ray cluster could be used{where}: {_first_line(err)}. It is "
                "where the cluster's dashboard is, e.g. http://127.0.0.1:8265 through a tunnel. "
                f"{_TOKEN_REMEDY}"
            ) from err
        self.address = self._client.get_address()

    def python(self) -> str | None:
        """Return the interpreter that the cluster's Ray runs with; None if it does not tell.

        `python` on the cluster may be another one: Ray starts a job with the PATH of `ray start`.

        Raises:
            LaunchError: If the job server is lost.
        """
        for attempt in range(_STATS_AFTER):
            if attempt:
                time.sleep(_PAUSE_S)
            try:
                # Not of the SDK, which does not tell; the dashboard's page of nodes shows it.
                answer = self._client._do_request("GET", "/nodes?view=summary").json()
            except ValueError:  # no JSON: a server of another kind
                return None
            except _TROUBLE as err:
                raise LaunchError(
                    f"The job server at {self.address} answers no more: {_first_line(err)}."
                ) from err
            if knows_itself(answer):
                return python_of_raylet(answer)
        return None

    def submit(self, request: JobRequest, python: str | None) -> Job:
        """Upload what it needs and submit it.

        Raises:
            LaunchError: If the cluster does not take it.
        """
        environment = request.environment()
        if request.working_dir is not None:
            environment["working_dir"] = request.working_dir
        try:
            submission_id = self._client.submit_job(
                entrypoint=shlex.join(request.words(python)),
                runtime_env=environment,
                submission_id=request.submission_id,
                metadata=dict(request.metadata),
                entrypoint_num_cpus=request.num_cpus,
            )
        except (*_TROUBLE, ValueError, TypeError) as err:
            raise LaunchError(f"The cluster did not take the job: {_last_line(err)}.") from err
        return Job(self._client, submission_id, self.address)

    def all(self) -> list[JobDetails]:
        """Return all jobs that were submitted, of whomever.

        Raises:
            LaunchError: If the job server cannot be asked.
        """
        with self._asked():
            return [job for job in self._client.list_jobs() if job.submission_id is not None]

    def details(self, submission_id: str) -> JobDetails | None:
        """Return one; None where there is none of this name.

        Raises:
            LaunchError: If the job server cannot be asked.
        """
        return next((job for job in self.all() if job.submission_id == submission_id), None)

    def log(self, submission_id: str) -> str:
        """Return all that a job has said so far.

        Raises:
            LaunchError: If the job server cannot be asked.
        """
        with self._asked():
            text: str = self._client.get_job_logs(submission_id)
        return text

    def stop(self, submission_id: str) -> None:
        """Ask a job to end gently.

        Raises:
            LaunchError: If the job server cannot be asked.
        """
        Job(self._client, submission_id, self.address).stop()

    def nodes(self) -> tuple[Node, ...]:
        """Return the nodes of the cluster and what is free on them, as of some seconds ago.

        Raises:
            LaunchError: If the job server cannot be asked, or is none of Ray.
        """
        with self._asked():
            answer = self._client._do_request("GET", "/nodes?view=summary")
        try:
            return nodes_of(answer.json())
        except ValueError as err:  # no JSON
            raise LaunchError(f"{self.address} is no dashboard of Ray; check --address.") from err

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except _TROUBLE as err:
            raise LaunchError(
                f"The job server at {self.address} does not answer: {_first_line(err)}."
            ) from err


class Job:
    """A job that was submitted."""

    def __init__(self, client: JobSubmissionClient, submission_id: str, address: str) -> None:
        self._client = client
        self.submission_id = submission_id
        self._address = address
        self._num_seen = 0  # characters of its log

    def follow(self, write: Callable[[str], None]) -> int:
        """Give its log to `write` as it grows, and return the exit code of the program.

        May be called again after an interruption: it goes on where it was. A connection that is
        lost for a while is made again.

        Raises:
            LaunchError: If the cluster could not run the program, or is lost.
            KeyboardInterrupt: At Ctrl-C; the job goes on.
        """
        num_lost = 0
        while True:
            try:
                asyncio.run(self._tail(write))
                info = self._client.get_job_info(self.submission_id)
                num_lost = 0
            except _TROUBLE as err:
                num_lost += 1
                if num_lost >= _LOST_AFTER:
                    raise LaunchError(
                        f"The job server is lost: {_first_line(err)}. The job may go on: "
                        f"{self.how_to_follow()}"
                    ) from err
            else:
                if info.status.is_terminal():
                    return exit_code(info)
            time.sleep(_PAUSE_S)

    async def _tail(self, write: Callable[[str], None]) -> None:
        position = 0
        async for text in self._client.tail_job_logs(self.submission_id):
            new = text[max(0, self._num_seen - position) :]
            position += len(text)
            if new:
                self._num_seen = position
                write(new)

    def stop(self) -> None:
        """Ask it to end gently.

        Raises:
            LaunchError: If the job server cannot be asked.
        """
        try:
            self._client.stop_job(self.submission_id)
        except _TROUBLE as err:
            raise LaunchError(
                f"The job could not be asked to stop: {_first_line(err)}. Try again: "
                f"ray job stop --address {self._address} {self.submission_id}"
            ) from err

    def how_to_follow(self) -> str:
        """Return the command that shows its log as it grows."""
        return f"ray job logs --follow --address {self._address} {self.submission_id}"


def exit_code(info: JobDetails) -> int:
    """Return the program's own exit code; 128 and the signal's number if one ended it.

    Raises:
        LaunchError: If there is none, because Ray could not start the program or lost it.
    """
    code: int | None = info.driver_exit_code
    if code is not None:
        return code if code >= 0 else 128 - code
    if info.status == JobStatus.STOPPED:
        return INTERRUPTED
    if info.status == JobStatus.SUCCEEDED:
        return 0
    raise LaunchError(f"Ray could not run the job's program: {(info.message or '').strip()}")


@contextlib.contextmanager
def _preferred(address: str | None) -> Iterator[None]:
    """Make Ray take an address that the user typed: it prefers its variables to its argument."""
    before = os.environ.get(_VARIABLE)
    if address is not None:
        os.environ[_VARIABLE] = address
    try:
        yield
    finally:
        if address is not None:
            os.environ.pop(_VARIABLE)
            os.environ.update({} if before is None else {_VARIABLE: before})


def _check_answers(address: str) -> None:
    """Fail in seconds where nothing answers; the SDK waits for minutes."""
    parts: Any = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname is not None:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname, port), timeout=_ANSWER_S).close()


def _first_line(err: BaseException) -> str:
    lines = str(err).strip().splitlines() or [type(err).__name__]
    return lines[0].partition(". ")[0].rstrip(".")


def _last_line(err: BaseException) -> str:
    """Return the cause: Ray puts the server's whole traceback before it."""
    lines = [line for line in str(err).replace("\\n", "\n").splitlines() if line.strip(" \"'}.")]
    return (lines or [type(err).__name__])[-1].strip().rstrip(".")
