"""The API of reports, comparisons and predictions."""

import json
from pathlib import Path

import jsonschema
import pytest

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"
JSON = {"Accept": "application/json"}


def get(client, address):
    return client.get(f"/api/v1{address}", headers=JSON)


def test_a_report_is_as_its_schema_says(studied):
    document = get(studied, "/sweeps/base/report").json()
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(document, schema)
    assert document["sweep_id"] == "base"
    assert get(studied, "/report.schema.json").json() == schema


def test_a_report_is_asked_for_as_the_command_is(studied):
    usual, cheap = (get(studied, f"/sweeps/base/report{q}").json() for q in ("", "?aim=cheapest"))
    assert usual["screens"][0]["answer"]["world_size"] == 8
    assert cheap["screens"][0]["answer"]["world_size"] == 1


def test_sweeps_are_compared_and_refused(studied):
    found = get(studied, "/compare?a=base&b=fused&b=bigger").json()
    fused, bigger = found["comparisons"]
    assert (fused["outcome"], fused["refused"]) == ("passed", "")
    assert fused["report"]["format_version"] == 2
    assert (bigger["outcome"], bigger["allow"]) == (None, ["batch"])
    assert "batch (128 and 256)" in bigger["refused"]
    (nothing,) = get(studied, "/compare?a=base&b=nothing").json()["comparisons"]
    assert "has no usable run" in nothing["refused"]


def test_a_prediction_has_the_curve_and_the_command(studied):
    found = get(studied, "/predict?from=base&link=25Gbps&latency=20us&max_workers=16").json()
    assert found["world_size"] in (2, 4, 8, 16)
    assert {x["series"] for x in found["curve"]} == {"ideal", "forecast", "measured"}
    assert "--link 25Gbps" in found["command"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/sweeps/nope/report", 404),
        ("/sweeps/base/report?aim=foo", 422),
        ("/sweeps/base/report?price=x", 422),
        ("/compare?a=base", 422),
        ("/compare?a=base&b=nope", 404),
        ("/predict?from=nope", 404),
        ("/predict?from=base&link=fast", 422),
        ("/predict?from=nothing", 422),
    ],
)
def test_what_cannot_be_answered_says_why(studied, address, status):
    got = get(studied, address)
    assert got.status_code == status
    assert got.json()["detail"]


def test_the_calls_are_in_the_open_api_document(studied):
    paths = studied.get("/openapi.json").json()["paths"]
    assert {"/api/v1/sweeps/{sweep_id}/report", "/api/v1/compare", "/api/v1/predict"} <= set(paths)
