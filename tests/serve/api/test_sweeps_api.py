"""The API of sweeps: the same as the page, as values."""

from __future__ import annotations

import json

import pytest

from ray_bench.cli.main import app as cli
from ray_bench.store import ResultsStore

SWEEP_ID = "sweep-1"


@pytest.fixture
def store(results):
    made = ResultsStore(results)
    made.label(SWEEP_ID, name="golden", added=["main"])
    return made


def test_a_sweep_is_what_the_list_of_the_command_line_says_and_more(store, client, capsys):
    cli(["list", str(store.root), "--format", "json"], standalone_mode=False)
    listed = json.loads(capsys.readouterr().out)
    (shown,) = client.get("/api/v1/sweeps?tag=main").json()["sweeps"]
    stamp = "created_at_utc"
    assert shown.pop(stamp) == listed[0].pop(stamp).replace("+00:00", "Z")
    assert {key: shown[key] for key in listed[0]} == listed[0]
    assert "workload" not in shown["settings"]
    one = client.get(f"/api/v1/sweeps/{SWEEP_ID}")
    assert one.json()["curve"] == []
    held = {"If-None-Match": one.headers["etag"]}
    assert client.get(f"/api/v1/sweeps/{SWEEP_ID}", headers=held).status_code == 304


@pytest.mark.parametrize("name", ["nowhere", "sweep-", "..%2F..%2Fetc", "%00", "x" * 3000])
def test_there_is_no_other_sweep(client, name):
    answer = client.get(f"/api/v1/sweeps/{name}")
    assert answer.status_code == 404
    assert "detail" in answer.json()


def test_the_document_names_the_fields(client):
    schemas = client.app.openapi()["components"]["schemas"]
    assert {"sweeps", "num_pages", "num_by_state"} <= set(schemas["SweepsModel"]["properties"])
    assert "curve" in schemas["SweepModel"]["properties"]
