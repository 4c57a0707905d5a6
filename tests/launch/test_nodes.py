"""Nodes of a cluster, as Ray's dashboard tells them."""

import pytest

from ray_bench.launch.nodes import Amount, nodes_of


def entry(node_id, *, state="ALIVE", head=False, **more):
    raylet = {"nodeId": node_id, "state": state, "isHeadNode": head, "nodeManagerAddress": node_id}
    return {"raylet": raylet, "hostname": f"host-{node_id}", "ip": f"10.0.0.{node_id}", **more}


def test_what_is_reserved_is_not_free_and_the_dead_have_nothing():
    gpu = {"name": "H100"}
    summary = [
        entry("3", state="DEAD", mem=[8e9, 1e9, 0.9, 7e9]),
        entry("2", gpus=[gpu, gpu], mem=[64e9, 48e9, 0.25, 16e9]),
        entry("1", head=True),
        entry("4"),
    ]
    usage = {
        "2": "1.0/8.0 CPU (1.0 used of 3.0 reserved in placement groups)\n0.5/2.0 GPU\n"
        "0B/12.5GiB memory\n0.0/1.0 accelerator_type:H100",
        "10.0.0.1": "0B/1.00GiB object_store_memory",
        "3": "0.0/8.0 CPU",
    }
    head, second, fourth, dead = nodes_of(
        {"data": {"summary": summary, "nodeLogicalResources": usage}}
    )
    assert (head.name, head.is_head, head.cpus) == ("host-1", True, Amount(total=0, free=0))
    assert (second.cpus, second.gpus) == (Amount(total=8, free=5), Amount(total=2, free=1.5))
    assert (second.gpu_names, second.memory_bytes) == (("H100",), Amount(total=64e9, free=48e9))
    assert (fourth.cpus, fourth.memory_bytes) == (None, None)
    assert (dead.is_alive, dead.cpus, dead.memory_bytes) == (False, None, None)


@pytest.mark.parametrize("answer", [None, [], {}, {"data": None}, {"data": {"summary": None}}])
def test_an_answer_that_tells_nothing_has_no_nodes(answer):
    assert nodes_of(answer) == ()
