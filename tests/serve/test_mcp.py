"""The tools for coding agents, asked by the client of the protocol's own package."""

import asyncio
import json

import pytest

pytest.importorskip("mcp")

import httpx2
import mcp
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from ray_bench.serve.agent_tools import Tools
from ray_bench.serve.mcp import server_of
from ray_bench.serve.settings import AccessToken

LOOKS, STARTS = AccessToken("v" * 20, "viewer"), AccessToken("s" * 20, "submitter", "ada")


@pytest.fixture(scope="module")
def tools(studied):
    service = studied.app.state.service
    return Tools(service.settings, service.store, service.index, service.studies)


def ask(server, name, **arguments):
    """Return whether a tool failed, and its answer."""

    async def asked():
        async with Client(server) as client:
            return await client.call_tool(name, arguments)

    result = asyncio.run(asked())
    return result.is_error, result.content[0].text


def answer(server, name, **arguments):
    """Return the answer of a tool that has one."""
    failed, text = ask(server, name, **arguments)
    assert not failed, text
    return json.loads(text)


@pytest.fixture(scope="module")
def server(tools):
    return server_of(tools, may_submit=False)


def test_an_agent_is_told_what_there_is(server):
    async def listed():
        async with Client(server) as client:
            return await client.list_tools()

    found = {x.name: x for x in asyncio.run(listed()).tools}
    assert set(found) == {
        "list_sweeps", "read_answer", "read_fold", "compare_sweeps", "predict", "plan_sweep",
    }  # fmt: skip
    assert all(len(x.description) > 30 for x in found.values())
    assert found["read_answer"].input_schema["required"] == ["sweep_id"]


def test_sweeps_are_listed_and_searched(server):
    assert [x["sweep_id"] for x in answer(server, "list_sweeps", limit=2)] == ["nothing", "failed"]
    (found,) = answer(server, "list_sweeps", search="FUSED resnet18")
    assert (found["sweep_id"], found["state"]) == ("fused", "finished")


def test_an_answer_has_its_caveats_and_numbers_and_a_fold_its_tables(server):
    found = answer(server, "read_answer", sweep_id="base")
    (curve,) = found["curves"]
    assert curve["answer"]["world_size"] == 8
    assert curve["answer"]["caveats"]
    assert {"speedup", "cost"} <= {x["key"] for x in curve["numbers"]["quantities"]}
    fold = answer(server, "read_fold", sweep_id="base", fold="losses")
    assert fold["sections"][0]["tables"]


def test_comparing_predicting_and_planning(server):
    found = answer(server, "compare_sweeps", base="base", new="fused")
    assert found["outcome"] == "passed"
    refused = answer(server, "compare_sweeps", base="base", new="bigger")
    assert refused["allow"] == ["batch"]
    assert answer(server, "predict", sweep_id="base", link="25Gbps")["answer"]["world_size"]
    planned = answer(server, "plan_sweep", settings=["workload=emulated", "world_sizes=[1,2]"])
    assert planned["can_start"] or planned["refusals"]


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("read_answer", {"sweep_id": "nope"}, "list_sweeps has all ids"),
        ("read_answer", {"sweep_id": "base", "aim": "foo"}, "no aim 'foo'"),
        ("read_fold", {"sweep_id": "base", "fold": "nope"}, "there are numbers"),
        ("predict", {"sweep_id": "nothing"}, "no valid run"),
        ("submit_sweep", {}, "submit_sweep"),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_words(server, name, arguments, says):
    try:
        failed, text = ask(server, name, **arguments)
    except mcp.MCPError as err:
        failed, text = True, str(err)
    assert failed
    assert says in text


def over_http(app, name, arguments, headers=None):
    """Ask a tool of a service through its door."""

    async def asked():
        transport = httpx2.ASGITransport(app=app)
        async with (
            httpx2.AsyncClient(transport=transport, headers=headers) as http,
            Client(
                streamable_http_client("http://localhost:8300/mcp", http_client=http),
                mode="legacy",
            ) as client,
        ):
            return await client.call_tool(name, arguments)

    result = asyncio.run(asked())
    return result.is_error, result.content[0].text


def test_over_http_the_door_says_who_may_start_a_sweep(make_client, board):
    app = make_client(tokens=(LOOKS, STARTS)).app
    wanted = {"settings": ["workload=emulated", "world_sizes=[1]"], "request_key": "once"}

    def asked(name, arguments, token):
        return over_http(app, name, arguments, {"Authorization": f"Bearer {token.secret}"})

    failed, text = asked("list_sweeps", {}, LOOKS)
    assert (failed, json.loads(text)[0]["sweep_id"]) == (False, "sweep-1")
    failed, text = asked("submit_sweep", wanted, LOOKS)
    assert failed
    assert "needs the role submitter" in text
    assert board.jobs() == ()
    for _ in range(2):
        failed, text = asked("submit_sweep", wanted, STARTS)
        assert (failed, json.loads(text)["phase"]) == (False, "queued")
    (job,) = board.jobs()
    assert job.actor == "ada"
    assert job.request.settings == tuple(wanted["settings"])


def test_over_http_nobody_without_a_token_is_answered(make_client):
    client = make_client(tokens=(LOOKS,))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert client.post("/mcp", json=call).status_code == 401


def test_no_stream_is_kept_open_that_has_nothing_to_say(client):
    for method in ("GET", "HEAD", "DELETE"):
        answer = client.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_service_that_only_reads_has_no_tool_that_starts(make_client):
    app = make_client(read_only=True).app
    try:
        failed, text = over_http(app, "submit_sweep", {})
    except mcp.MCPError as err:
        failed, text = True, str(err)
    assert failed
    assert "submit_sweep" in text
