"""The page of the cluster, and of this machine where there is none."""

from dataclasses import replace

import pytest

from ray_bench.errors import LaunchError
from ray_bench.launch.nodes import Amount, Node
from ray_bench.serve.board import JobRequest
from ray_bench.serve.pages import cluster
from ray_bench.serve.pages.cluster import Use
from tests.serve.conftest import PAGE

HOSTILE = "<script>alert(1)</script>"


def node(name, *, free=4.0, alive=True, **more):
    given = {
        "address": "10.0.0.1", "is_head": False, "is_alive": alive,
        "cpus": Amount(total=8, free=free) if alive else None,
        "gpus": Amount(total=0, free=0) if alive else None,
        "memory_bytes": Amount(total=2**36, free=2**35) if alive else None,
    }  # fmt: skip
    return Node(name=name, **given | more)


def test_without_a_cluster_this_machine_is_shown(client, board):
    shown = client.get("/cluster", headers=PAGE).text
    assert "No cluster: sweeps run on this machine" in shown
    assert "No sweep of this service runs or waits." in shown
    board.submit(JobRequest(source="demo", name="base"), "ada")
    shown = client.get("/cluster", headers=PAGE).text
    assert "base: waits, number 1 in the queue, asked for by ada" in shown


def test_nodes_and_their_users_are_shown(make_client, board, monkeypatch):
    job = board.submit(JobRequest(source="demo", name="base"), "ada")
    board.put(replace(job, phase="running", sweep_id="s/1"))
    jobs = [
        Use(job.job_id, is_waiting=False, entrypoint="python -m ray_bench run"),
        Use("theirs", is_waiting=True, entrypoint=HOSTILE),
    ]
    nodes = (node("host-a", free=3.5), node(HOSTILE), node("host-c", alive=False))
    monkeypatch.setattr(cluster, "_asked", lambda address: (nodes, jobs))
    shown = make_client(address="http://127.0.0.1:1").get("/cluster", headers=PAGE).text
    assert "7 CPUs are free; 4 on one machine" in shown
    assert 'aria-label="5 in use, 3 free"' in shown
    assert "32 of 64&nbsp;GiB" in shown
    assert '<a href="/sweeps/s%2F1">base</a>' in shown or '<a href="/sweeps/s/1">' in shown
    assert "<script>alert" not in shown


def test_a_cluster_that_is_lost_or_young_is_said(make_client, monkeypatch):
    client = make_client(address="http://127.0.0.1:1")

    def lost(address):
        raise LaunchError(f"The job server at {address} does not answer: refused.")

    monkeypatch.setattr(cluster, "_asked", lost)
    answer = client.get("/cluster", headers=PAGE)
    assert (answer.status_code, "does not answer: refused" in answer.text) == (503, True)
    monkeypatch.setattr(cluster, "_asked", lambda address: ((), []))
    assert "has not told" in client.get("/cluster", headers=PAGE).text


@pytest.mark.parametrize(("total", "slots"), [(8, (5, 3)), (0, None), (1000, None)])
def test_slots_are_drawn_where_they_can_be_counted(total, slots):
    found = cluster.summary([node("a", cpus=Amount(total=total, free=min(3.5, total)))])
    assert found["nodes"][0][1] == slots
