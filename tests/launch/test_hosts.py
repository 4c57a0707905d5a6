"""The interface that leads to the other hosts, and what is said where none does."""

from __future__ import annotations

import socket

import psutil
import pytest

from ray_bench.errors import HostsUnreachableError
from ray_bench.launch import hosts
from ray_bench.launch.hosts import GLOO, NCCL, Endpoint, Node

LOOPBACK = next(
    name for name, own in psutil.net_if_addrs().items() if "127.0.0.1" in {a.address for a in own}
)


def node(number: int, address: str) -> Node:
    return Node(node_id=f"id{number}", address=address, host_name="box")


A, B, C = node(1, "127.0.0.1"), node(2, "127.0.0.2"), node(3, "127.0.0.3")


def test_rank_zeros_host_counts_and_for_that_one_the_next():
    nodes = (A, A, B, C)
    assert hosts.peer_of(C, nodes) is A
    assert hosts.peer_of(B, nodes) is A
    assert hosts.peer_of(A, nodes) is B


def test_nodes_of_one_address_are_no_peers():
    twin = node(9, A.address)
    assert hosts.peer_of(A, (A, twin, B)) is B


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_the_route_tells_the_address_and_the_address_the_interface(peer):
    try:
        own = hosts.source_address(peer)
    except OSError:
        pytest.skip(f"no route to {peer} here")
    assert own == peer
    assert hosts.interface_of(own) == LOOPBACK


def test_an_address_of_nobody_has_no_interface():
    assert hosts.interface_of("192.0.2.1") is None


def test_gloo_and_nccl_get_the_interface():
    environment: dict[str, str] = {}
    end = hosts.endpoint(A, (A, B), environment)
    assert environment == {GLOO: LOOPBACK, NCCL: f"={LOOPBACK}"}
    assert isinstance(end, Endpoint)
    assert end.interface == LOOPBACK


def test_what_the_user_has_set_stays():
    environment = {NCCL: "ib0"}
    hosts.endpoint(A, (A, B), environment)
    assert environment == {GLOO: LOOPBACK, NCCL: "ib0"}


def test_the_interface_that_the_user_named_is_the_one_that_is_tried(monkeypatch):
    there = {"eth0": ["10.0.0.1"], "ib0": ["10.1.0.1", "fe80::1%ib0", "fd00::1"]}
    monkeypatch.setattr(hosts, "addresses", lambda: there)
    end = hosts.endpoint(A, (A, B), {GLOO: "ib0,eth0"})
    assert end == Endpoint(host_name="box", interface="ib0", address="10.1.0.1")


def test_an_interface_that_is_not_there_is_told_with_those_that_are(monkeypatch):
    monkeypatch.setattr(hosts, "addresses", lambda: {"lo": ["127.0.0.1"], "eth0": ["10.0.0.1"]})
    said = hosts.endpoint(A, (A, B), {GLOO: "eth7"})
    assert said == "box (127.0.0.1) has no address on eth7; it has eth0"


def test_a_host_without_a_route_says_so(monkeypatch):
    def nowhere(peer: str) -> str:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(hosts, "source_address", nowhere)
    said = hosts.endpoint(A, (A, B), {})
    assert said == "box (127.0.0.1) has no route to 127.0.0.2: Network is unreachable"


def target(port: int) -> Endpoint:
    return Endpoint(host_name="box", interface="lo", address="127.0.0.1", port=port)


def test_a_listener_is_reached_and_a_closed_port_is_not():
    with hosts.listen("127.0.0.1", num_hosts=2) as server, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there, gone = (target(one.getsockname()[1]) for one in (server, closed))
        assert hosts.unreachable([there, gone, there]) == [(gone, "Connection refused")]
        assert hosts.unreachable([]) == []


def test_the_error_names_hosts_and_the_remedy():
    said = str(hosts.error_of(["a cannot reach b", "b cannot reach a"]))
    assert "a cannot reach b; b cannot reach a." in said
    assert "launch.env.GLOO_SOCKET_IFNAME=NAME" in said


def test_the_error_of_many_hosts_stays_short():
    pair = f"{target(1)} cannot reach {target(2)}: no answer in 4 s"
    said = str(hosts.error_of([pair] * 4032))
    assert "; and 4029 more." in said
    assert len(said) < 600
    assert isinstance(hosts.error_of([pair]), HostsUnreachableError)
