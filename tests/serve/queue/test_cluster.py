"""Jobs of a Ray cluster, with a job server that is made up."""

import json
from dataclasses import replace
from enum import Enum
from types import SimpleNamespace

import pytest

from ray_bench.errors import ConfigError, LaunchError, RefusedError
from ray_bench.serve.queue.cluster import RayBoard
from ray_bench.store import ResultsStore
from ray_bench.store.stop_note import is_asked_to_stop
from tests.serve.queue.conftest import wanted

Status = Enum("Status", {x: x for x in ("PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED")})


class Server:
    """What `ray_bench.launch.jobs.Jobs` is asked for."""

    def __init__(self) -> None:
        self.known = {}
        self.logs = {}
        self.stopped = []
        self.is_lost_after = False  # the answer of the next submission

    def python(self):
        return "/opt/python"

    def submit(self, request, python):
        if request.submission_id in self.known:
            raise LaunchError("The cluster did not take the job: it exists already.")
        self.known[request.submission_id] = SimpleNamespace(
            submission_id=request.submission_id, status=Status.PENDING, metadata=request.metadata,
            start_time=None, end_time=None, driver_exit_code=None, message=None, asked=request,
        )  # fmt: skip
        if self.is_lost_after:
            raise LaunchError("The cluster did not take the job: the connection was lost.")

    def all(self):
        other = SimpleNamespace(submission_id="raysubmit_x", metadata=None)
        return [other, *self.known.values()]

    def log(self, name):
        return self.logs.get(name, "")

    def stop(self, name):
        self.stopped.append(name)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def board(server, settings):
    return RayBoard(replace(settings, address="http://head:8265"), server)


def test_a_job_is_submitted_once_and_its_request_comes_back(board, server, settings):
    request = wanted("a note", name="; $(id)", request_key="k")
    job = board.submit(request, "ann")
    assert (job.phase, job.actor, job.request, job.place) == ("queued", "ann", request, 1)
    asked = server.known[job.job_id].asked
    assert asked.arguments[:2] == ("demo", "world_sizes=[1,2]")
    assert "--name=; $(id)" in asked.words("python")
    assert asked.environment()["env_vars"]["RAY_BENCH_SAY_SWEEP_ID"] == "1"
    assert "a-secret-token" not in json.dumps([asked.metadata, asked.environment()])
    assert board.submit(request, "ann").job_id == job.job_id
    restarted = RayBoard(replace(settings, address="http://head:8265"), server)
    assert restarted.jobs() == [job]


def test_jobs_of_other_results_and_what_only_looks_like_one_are_not_ours(board, server, settings):
    job = board.submit(wanted(), "ann")
    other = RayBoard(replace(settings, results="/other", address="http://head:8265"), server)
    assert other.jobs() == []
    with pytest.raises(LaunchError, match="no job"):
        other.stop(job.job_id, now=True)
    for text in ("", "[]", "{", '{"results": 1}'):
        server.known[text] = SimpleNamespace(submission_id=text, metadata={"ray_bench_job": text})
    assert board.jobs() == [job]


def test_an_answer_that_is_lost_doubles_nothing(board, server):
    server.is_lost_after = True
    job = board.submit(wanted("", request_key="k"), "ann")
    assert list(server.known) == [job.job_id]


def test_states_come_from_ray_and_the_sweep_from_the_log(board, server, settings):
    job_id = board.submit(wanted(), "ann").job_id
    details = server.known[job_id]
    details.status, details.start_time = Status.RUNNING, 1_772_000_000_000
    assert board.job(job_id).sweep_id is None
    server.logs[job_id] = "note: x\nSweep 20260301T1-abc begins.\nrun"
    job = board.job(job_id)
    assert (job.phase, job.sweep_id, job.place) == ("running", "20260301T1-abc", None)
    assert board.job_of_sweep("20260301T1-abc") == job
    assert board.log(job_id, 8).text.startswith("Sweep ")
    board.stop(job_id, now=False)
    assert (is_asked_to_stop(ResultsStore(settings.results), job.sweep_id), server.stopped) == (
        True,
        [],
    )
    board.stop(job_id, now=True)
    assert server.stopped == [job_id]
    details.status, details.driver_exit_code = Status.FAILED, 130
    assert board.job(job_id).phase == "stopped"
    board = RayBoard(replace(settings, address="http://h:1"), server)
    details.driver_exit_code, server.logs[job_id] = 1, "error: it does not fit.\n"
    assert (board.job(job_id).phase, board.job(job_id).error) == ("failed", "it does not fit.")
    with pytest.raises(LaunchError, match="has ended already"):
        board.stop(job_id, now=True)


def test_results_must_be_where_the_cluster_is(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = replace(settings, results="results", address="http://h:1")
    with pytest.raises(ConfigError, match=f"relative folder.*{tmp_path}/results"):
        relative.check()
    for fine in ({"read_only": True}, {"results": "s3://b/r"}, {"address": None}):
        replace(relative, **fine).check()


def test_code_is_refused_here_too(board, server):
    with pytest.raises(RefusedError, match="--allow-code"):
        board.submit(wanted(settings=("workload=os:system",)), "ann")
    assert server.known == {}
