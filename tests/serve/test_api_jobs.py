"""Jobs as JSON: planning, asking, following, stopping."""

import html
import shlex
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ray_bench.serve.board import JobRequest
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import new_plan
from ray_bench.sweep.requested import resolve
from tests.serve.conftest import PAGE

EMULATED = {"settings": ["workload=emulated", "world_sizes=[1]", "repeats=2"]}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_plan_says_what_it_takes_or_what_stops_it(client, board):
    found = client.post("/api/v1/plan", json=EMULATED).json()
    assert (found["is_taken"], found["refusals"], found["low_s"]) == (True, [], None)
    assert found["num_runs"] == len(found["runs"]) == 2
    assert found["command"].startswith("ray-bench run workload=emulated")
    stopped = client.post("/api/v1/plan", json={"settings": ["workload=a:b", "epochs=0"]}).json()
    assert [x["key"] for x in stopped["refusals"]] == ["epochs"]
    assert board.jobs() == ()


def test_a_job_is_asked_for_once_followed_and_stopped(client, board):
    made = client.post("/api/v1/jobs", json={**EMULATED, "request_key": "k", "tags": ["a"]})
    assert (made.status_code, made.json()["place"]) == (201, 1)
    assert client.post("/api/v1/jobs", json={**EMULATED, "request_key": "k"}).json() == made.json()
    url = made.headers["location"]
    assert client.get(url).json() == made.json()
    assert client.get("/api/v1/jobs").json() == {"jobs": [made.json()], "num_jobs": 1}
    log = client.get(f"{url}/log?offset=4").json()
    assert log == {"text": "line\n", "next_offset": 9, "is_whole": True}
    assert client.post(f"{url}/stop", json={"now": True}).status_code == 200
    assert board.stopped == [("job-1", True)]


def test_a_command_to_copy_is_quoted_and_secrets_are_told_to_nobody(client, board):
    settings = ("workload=emulated", "launch.env.HF_TOKEN=hunter2")
    board.submit(JobRequest(source=None, settings=settings, name="a; $(id)"), "ada")
    page = client.get("/jobs/job-1", headers=PAGE).text
    command = html.unescape(page.split('class="cmd"><code>')[1].split("</code>")[0])
    assert shlex.split(command)[-1] == "--name=a; $(id)"
    assert "'--name=a; $(id)'" in command
    assert client.get("/api/v1/jobs/job-1").json()["settings"][1] == "launch.env.HF_TOKEN=***"
    assert "hunter2" not in page


def test_a_sweep_is_resumed_as_its_job_asked_or_by_its_configuration(client, board, results):
    store = ResultsStore(results)
    sweep = new_plan(resolve(None, EMULATED["settings"]).config, store, "ray-bench run ...").sweep
    store.write_sweep(sweep)
    by_config = client.post("/api/v1/jobs", json={"resumed": sweep.sweep_id})
    assert by_config.status_code == 201, by_config.text
    assert set(EMULATED["settings"]) - {"world_sizes=[1]"} <= set(by_config.json()["settings"])
    job = client.post("/api/v1/jobs", json=EMULATED).json()
    changes = {"phase": "stopped", "sweep_id": sweep.sweep_id, "started_at_utc": NOW}
    board.put(replace(board.job(job["job_id"]), **changes))
    again = client.post("/api/v1/jobs", json={"resumed": sweep.sweep_id})
    assert again.status_code == 201, again.text
    assert again.json()["settings"] == EMULATED["settings"]
    assert again.json()["resumed"] == sweep.sweep_id
    start = client.post("/api/v1/jobs", json={**EMULATED, "resumed": sweep.sweep_id[:12]})
    assert start.json()["refusals"] == [
        {"key": None, "text": f"There is no sweep {sweep.sweep_id[:12]!r} here."}
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"settings": ["workload=os:system"]}, 422),
        ({"settings": ["workload=emulated"], "script": ["x.py"]}, 422),
        ({"settings": ["x" * 3000]}, 422),
        ({"settings": "workload=emulated"}, 422),
        ({"nonsense": 1}, 422),
        ({"resumed": "nobody"}, 404),
        ({"resumed": "../../etc"}, 404),
        ([], 422),
    ],
)
def test_nonsense_begins_nothing(client, board, body, status):
    assert client.post("/api/v1/jobs", json=body).status_code == status
    assert board.jobs() == ()


def test_jobs_that_are_not_there(client):
    for path in ("/api/v1/jobs/x", "/api/v1/jobs/x/log", "/api/v1/jobs/..%2f..%2fetc"):
        assert client.get(path).status_code == 404
    assert client.post("/api/v1/jobs/x/stop", json={}).status_code == 404
    assert client.get("/api/v1/jobs/x/log?offset=-1").status_code == 422
