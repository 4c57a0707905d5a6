"""Any request that the OpenAPI document allows, and many that it does not: no 500."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

#: Requests of each kind for each operation.
NUM_EXAMPLES = 30
KNOWN = {
    "sweep_id": "sweep-1",
    "a": "sweep-1",
    "b": ["sweep-1"],
    "from": "sweep-1",
    "job_id": "job-1",
}


def test_the_document_has_the_whole_api(client):
    found = client.get("/openapi.json").json()
    for path in ("/sweeps", "/sweeps/{sweep_id}", "/sweeps/{sweep_id}/report", "/compare",
                 "/predict", "/plan", "/jobs", "/jobs/{job_id}"):  # fmt: skip
        assert f"/api/v1{path}" in found["paths"]
    assert all(path.startswith("/api/v1/") for path in found["paths"])


def put_known(values):
    """Name what is there where a request has a name."""
    for key, known in KNOWN.items():
        if isinstance(values, Mapping) and key in values:
            values[key] = known


def answers(operation, mode):
    """Status, request and text of what an operation answers to requests that are made up."""
    found = []

    @settings(
        max_examples=NUM_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode))
    def ask(case):
        if len(found) % 2:  # names that are there are never guessed
            put_known(case.path_parameters)
            put_known(case.query)
        answer = case.call()
        found.append((answer.status_code, case.as_curl_command(), answer.text[-500:]))

    ask()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_ends_in_500(make_client, mode):
    schemathesis = pytest.importorskip("schemathesis")
    client = make_client(changes_per_minute=1_000_000, hosts=("testserver",))
    document = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    assert client.post("/api/v1/jobs", json={"source": "demo"}).is_success
    tried = 0
    for found in document.get_all_operations():
        operation = found.ok()
        try:
            answered = answers(operation, schemathesis.GenerationMode(mode))
        except Unsatisfiable:  # it cannot be asked wrongly: any text may be an id
            assert mode == "negative"
            continue
        tried += 1
        assert [x for x in answered if x[0] >= 500] == [], operation.label
    assert tried >= (10 if mode == "positive" else 5)
