"""Health and counts, for those who run the service."""

from dataclasses import replace

import pytest

from ray_bench.errors import StoreError
from ray_bench.serve.board import JobRequest
from ray_bench.serve.index import SweepIndex
from tests.serve.conftest import PAGE
from tests.serve.door.test_gate import BEARER, TOKENS


def test_health_is_open_to_all_and_says_when_results_are_away(make_client, monkeypatch):
    client = make_client(tokens=TOKENS)
    assert client.get("/healthz").json()["status"] == "ok"

    def away(self):
        raise StoreError("Cannot read s3://secret-bucket/results.")

    monkeypatch.setattr(SweepIndex, "snapshot", away)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "secret-bucket" not in answer.text


def test_metrics_need_a_token_and_count_routes_sweeps_and_jobs(make_client, board):
    client = make_client(tokens=TOKENS)
    assert client.get("/metrics").status_code == 401
    job = board.submit(JobRequest(source="demo"), "ada")
    board.put(replace(job, phase="running"))
    board.submit(JobRequest(source="demo", request_key="b"), "ada")
    for path in ("/healthz", "/nowhere/1", "/nowhere/2", "/static/serve.css"):
        client.get(path, headers=BEARER)
    client.request("INVENTED", "/healthz", headers=BEARER)
    lines = client.get("/metrics", headers=BEARER).text.splitlines()
    for line in (
        'ray_bench_requests_total{method="GET",route="/healthz",status="200"} 1.0',
        'ray_bench_requests_total{method="GET",route="none",status="404"} 2.0',
        'ray_bench_requests_total{method="GET",route="/static",status="200"} 1.0',
        'ray_bench_sweeps{state="finished"} 0.0',
        'ray_bench_sweeps{state="unfinished"} 1.0',
        'ray_bench_jobs{phase="queued"} 1.0',
        'ray_bench_jobs{phase="running"} 1.0',
    ):
        assert line in lines, [x for x in lines if "_bucket" not in x]
    assert any(
        x.startswith('ray_bench_request_seconds_bucket{le="0.1",route="/healthz"}') for x in lines
    )
    assert not any("INVENTED" in x for x in lines)


def test_results_that_cannot_be_read_any_more_are_said(client, monkeypatch):
    index = client.app.state.service.index
    lost = replace(index.snapshot(), trouble="The disk is away.")
    monkeypatch.setattr(SweepIndex, "snapshot", lambda _: lost)
    assert client.get("/healthz").status_code == 503
    for end in ("", "/runs"):
        text = client.get(f"/sweeps/sweep-1{end}", headers=PAGE).text
        assert "What is shown was known before. The disk is away." in text


def test_at_the_end_nothing_more_is_analysed(make_client):
    with make_client() as client:
        studies = client.app.state.service.studies
        assert studies.analysed("sweep-1").result(60).studies
    with pytest.raises(RuntimeError, match="after shutdown"):
        studies.attempts("sweep-1")
