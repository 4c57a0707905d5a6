"""Local queues whose sweeps are a small program that pretends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ray_bench.serve.board import Job, JobRequest
from ray_bench.serve.queue.local import LocalBoard
from ray_bench.serve.settings import AccessToken, ServeSettings

PROGRAM = (sys.executable, str(Path(__file__).with_name("fake_run.py")))


def wanted(note: str = "", **changes) -> JobRequest:
    """A sweep whose fake does what the note says."""
    values = {"source": "demo", "settings": ("world_sizes=[1,2]",), "note": note, **changes}
    return JobRequest(**values)


def until(what: Callable[[], object], seconds: float = 30.0):
    """Wait for something to be true, and return it."""
    end_s = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end_s, "it did not come in time"
        time.sleep(0.02)
    return found


def at(board: LocalBoard, job: Job, *phases: str, has_sweep: bool = False) -> Job:
    """The job, when it has come to a phase."""

    def reached():
        found = board.job(job.job_id)
        return found if found.phase in phases and (found.sweep_id or not has_sweep) else None

    return until(reached)


@pytest.fixture
def settings(tmp_path) -> ServeSettings:
    return ServeSettings(
        results=str(tmp_path / "results"),
        state_dir=tmp_path / "service",
        tokens=(AccessToken("a-secret-token", "submitter"),),
    )


@pytest.fixture
def make_board(settings) -> Iterator[Callable[..., LocalBoard]]:
    """Boards on one folder; what they have left running is stopped."""
    boards: list[LocalBoard] = []

    def made(**changes) -> LocalBoard:
        boards.append(LocalBoard(changes.get("settings", settings), PROGRAM))
        return boards[-1]

    yield made
    for board in boards:
        for job in board.jobs():
            if job.phase in ("queued", "running"):
                board.stop(job.job_id, now=True)
        board.close()


@pytest.fixture
def board(make_board) -> LocalBoard:
    return make_board()
