"""A node is what the launcher calls so: the names of hosts may repeat, and one may have several."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ray_bench.measure.environment import environment_record, host_facts


def host(node_id, name="box", **values):
    facts = host_facts(torch.device("cpu"), node_id=node_id, node_address="10.0.0.1")
    return replace(facts, hostname=name, **values)


def num_nodes(*hosts):
    return environment_record(hosts, ddp_arguments={}, commit=None).num_nodes


@pytest.mark.parametrize(
    ("hosts", "count"),
    [
        ([("n1", "box"), ("n2", "box")], 2),
        ([("n1", "box"), ("n1", "box"), ("n2", "box")], 2),
        ([("n1", "pod-a"), ("n1", "pod-b")], 1),
        ([(None, "a"), (None, "b"), (None, "b")], 2),  # nobody tells: names are all there is
    ],
)
def test_nodes_are_counted_by_their_ids(hosts, count):
    assert num_nodes(*(host(node_id, name) for node_id, name in hosts)) == count


def test_names_of_hosts_are_kept_beside():
    record = environment_record([host("n1"), host("n2")], ddp_arguments={}, commit=None)
    assert record.hostnames == ("box",)
