"""Hostile requests and hostile results: 4xx or harmless pages, and nothing changed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from ray_bench.serve.actor import may_submit
from ray_bench.store import ResultsStore
from tests.report.hostile import HOSTILE, hostile_results
from tests.serve.conftest import PAGE
from tests.stored import write_results

IDS = (
    "..", ".", "..%2F..%2F..%2Fetc%2Fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5C..%5Cboot",
    "%00", "a%00b", "%ff%fe", quote(HOSTILE, safe=""), "' OR 1=1 --", "{{7*7}}", "${7*7}",
    "%1b%5b31m", "x" * 5000, "C:%5C", "~root", "-rf", "*", "%E2%80%AE",
)  # fmt: skip
SUM = "{{1234*5678}}"
#: Unsafe by name, and yet they change nothing.
CHANGES_NOTHING = {("POST", "/login"), ("POST", "/logout"), ("POST", "/api/v1/plan")}


def routes_of(routes):
    """Every route, those within routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            yield from routes_of(inner.routes)


def hash_of(folder: Path) -> str:
    files = sorted(x for x in folder.rglob("*") if x.is_file() and "index" not in x.parts)
    return hashlib.sha256(b"".join(x.read_bytes() for x in files)).hexdigest() + str(files)


def calls(dependant):
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def test_every_route_that_changes_something_asks_who_may(client):
    found = list(routes_of(client.app.routes))
    assert len(found) > 15
    for route in found:
        for method in route.methods - {"GET", "HEAD"}:
            if (method, route.path) not in CHANGES_NOTHING:
                assert may_submit in calls(route.dependant), (method, route.path)


def test_ids_and_paths_from_a_request_reach_nothing_else(client, results):
    before = hash_of(results.parent)
    routes = [x for x in routes_of(client.app.routes) if "{" in x.path and "GET" in x.methods]
    paths = {route.path.split("{")[0] + "%s" + route.path.split("}")[-1] for route in routes}
    assert "/sweeps/%s" in paths
    for path in sorted(paths | {"/static/%s", "/static/../%s", "/%s"}):
        for hostile in IDS:
            answer = client.get(path % hostile, headers=PAGE)
            assert answer.status_code in (303, 307, 400, 404, 405, 409, 422), (path, hostile)
            assert "root:" not in answer.text
            assert "<script>alert" not in answer.text
            assert "\x1b" not in answer.text
    assert hash_of(results.parent) == before


@pytest.mark.parametrize("text", [HOSTILE, "' OR '1'='1", SUM, "a" * 20_000, "(((((", "\x00"])
def test_questions_are_data(client, text):
    """Search, filters and sorting of every page that has none in its path."""
    routes = [x for x in routes_of(client.app.routes) if "{" not in x.path and "GET" in x.methods]
    for route in routes:
        names = {x.alias for x in route.dependant.query_params} | {"q", "sort", "from", "a", "b"}
        for name in sorted(names):
            answer = client.get(route.path, params={name: text}, headers=PAGE)
            assert answer.status_code < 500, (route.path, name, answer.text[-500:])
            assert "<script>alert" not in answer.text, (route.path, name)
            assert "\x1b" not in answer.text
            assert "7006652" not in answer.text


@pytest.fixture
def hostile_store(results):
    store = write_results(ResultsStore(results), hostile_results())
    sweep_id = next(x.sweep_id for x in store.sweeps() if "script" in x.sweep_id)
    return store, sweep_id


def test_a_store_full_of_hostile_texts_is_shown_harmlessly(hostile_store, client):
    _, sweep_id = hostile_store
    quoted = quote(sweep_id, safe="")
    for path in ("/sweeps", f"/sweeps/{quoted}", f"/sweeps/{quoted}/runs",
                 f"/sweeps/{quoted}/failures", f"/sweeps/{quoted}/convergence",
                 f"/compare?a={quoted}&b=sweep-1", f"/predict?from={quoted}",
                 f"/sweeps/{quoted}/labels", "/metrics"):  # fmt: skip
        answer = client.get(path, headers=PAGE)
        assert answer.status_code < 500, (path, answer.text[-800:])
        for live in ("<script>alert", "<img src=x", "<svg onload", "\x1b", "<iframe>"):
            assert live not in answer.text, (path, live)
