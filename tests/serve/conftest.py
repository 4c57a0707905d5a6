"""The service as a browser finds it: on the golden store, with a board that runs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from ray_bench.errors import ConfigError
from ray_bench.serve.app import create_app
from ray_bench.serve.board import Job, JobRequest, LogPart
from ray_bench.serve.settings import ServeSettings
from ray_bench.store import ResultsStore
from tests.stored import write_results
from tests.synthetic import amdahl_step_s, synthetic

STORE = Path(__file__).parents[1] / "golden" / "store"
#: What a browser sends, so that errors come as pages.
PAGE = {"Accept": "text/html"}


class FakeBoard:
    """Keeps jobs in memory and runs none; tests set what became of them with `put`."""

    def __init__(self):
        self.found = {}
        self.stopped = []

    def submit(self, request: JobRequest, actor: str) -> Job:
        for job in self.found.values():
            if request.request_key and job.request.request_key == request.request_key:
                return job
        name = f"job-{len(self.found) + 1}"
        now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        job = Job(job_id=name, phase="queued", request=request, actor=actor, asked_at_utc=now)
        return self.put(replace(job, place=1))

    def put(self, job: Job) -> Job:
        self.found[job.job_id] = job
        return job

    def jobs(self):
        return tuple(reversed(self.found.values()))

    def job(self, job_id):
        return self.found.get(job_id)

    def job_of_sweep(self, sweep_id):
        return next((x for x in self.jobs() if x.sweep_id == sweep_id), None)

    def stop(self, job_id, *, now):
        if job_id not in self.found:
            raise ConfigError(f"There is no job {job_id!r}.")
        self.stopped.append((job_id, now))

    def log(self, job_id, offset):
        return LogPart("one line\n"[offset:], 9, is_whole=True)

    def close(self):
        pass


@pytest.fixture
def board() -> FakeBoard:
    return FakeBoard()


@pytest.fixture
def results(tmp_path) -> Path:
    """A copy of the golden store."""
    return Path(shutil.copytree(STORE, tmp_path / "results"))


@pytest.fixture
def make_client(results, board, tmp_path):
    """Return a client of a new service; settings as keywords, e.g. `read_only=True`."""

    def make(**settings) -> TestClient:
        given = {"results": str(results), "state_dir": tmp_path / "state", **settings}
        app = create_app(ServeSettings(**given), board)
        return TestClient(
            app, base_url="http://localhost:8300", follow_redirects=False, backend="asyncio"
        )

    return make


@pytest.fixture
def client(make_client) -> Iterator[TestClient]:
    """A submitter on this machine; his changes carry the token of a page."""
    made = make_client()
    made.headers["X-CSRF-Token"] = made.app.state.identity.csrf_token
    with made:
        yield made


@pytest.fixture
def viewer(make_client) -> Iterator[TestClient]:
    """Somebody who may look and not change; his requests carry the token of a page."""
    made = make_client(read_only=True)
    made.headers["X-CSRF-Token"] = made.app.state.identity.csrf_token
    with made:
        yield made


@pytest.fixture(scope="session")
def studied(tmp_path_factory) -> TestClient:
    """A service on five small sweeps that is only read, so that each is analysed once."""
    folder = tmp_path_factory.mktemp("studied")
    write_studied(folder / "results")
    settings = ServeSettings(results=str(folder / "results"), state_dir=folder / "state")
    app = create_app(settings, FakeBoard())
    return TestClient(app, base_url="http://localhost:8300", follow_redirects=False, headers=PAGE)


def write_studied(root: Path) -> None:
    """Write a base, one that is faster, one with another batch, one size only, and a failed one."""
    sweeps = {
        "base": synthetic(),
        "fused": synthetic(step_s=lambda size, batch: amdahl_step_s(size, batch, 0.03)),
        "bigger": synthetic(batch=256),
        "one <size>": synthetic((1,)),
        "failed": synthetic((1, 2), failed=lambda size, _: size == 2, num_missing=1),
        "nothing": synthetic((1, 2), failed=lambda *_: True),
    }
    store = ResultsStore(root)
    for hours, (name, results) in enumerate(sweeps.items()):
        at = results.sweep.created_at_utc + timedelta(hours=hours)
        sweep = replace(results.sweep, sweep_id=name, created_at_utc=at)
        runs = tuple(replace(run, sweep_id=name) for run in results.runs)
        write_results(store, replace(results, sweep=sweep, runs=runs))
    store.label("fused", name="<b>fused</b>")
