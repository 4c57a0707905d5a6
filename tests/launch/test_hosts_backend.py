"""What happens before the process group is made, with a worker group that is none."""

from __future__ import annotations

import os
import socket
from collections import Counter
from types import SimpleNamespace

import pytest
import ray
from ray.train.torch import TorchConfig

from ray_bench.errors import HostsUnreachableError
from ray_bench.launch import hosts, hosts_backend
from ray_bench.launch.failures import describe
from ray_bench.launch.hosts import GLOO, NCCL, Node
from ray_bench.launch.hosts_backend import HostsBackend, HostsConfig


class Workers:
    """Ranks that all run here, each told another address of loopback as its own."""

    def __init__(self, *addresses: str) -> None:
        self.nodes = [
            Node(node_id=f"id-{address}", address=address, host_name="box") for address in addresses
        ]
        self.calls: Counter[str] = Counter()
        self.rank = 0

    def execute(self, function, *arguments):
        self.calls[function.__name__] += 1
        found = []
        for rank in range(len(self.nodes)):
            self.rank = rank
            found.append(function(*arguments))
        return found


@pytest.fixture
def launch(monkeypatch):
    """Start the backend on workers, and tell what it did."""
    told = SimpleNamespace(made=[], removed=[])

    def start(*addresses: str, fails: BaseException | None = None):
        workers = Workers(*addresses)

        def make_group(self, worker_group, config):
            told.made.append(config)
            if fails is not None:
                raise fails

        context = SimpleNamespace(get_world_rank=lambda: workers.rank)
        monkeypatch.setattr(HostsBackend.__mro__[1], "on_start", make_group)
        monkeypatch.setattr(ray.train, "get_context", lambda: context)
        monkeypatch.setattr(hosts_backend, "here", lambda: workers.nodes[workers.rank])
        monkeypatch.setattr(hosts_backend, "get_current_placement_group", lambda: "places")
        monkeypatch.setattr(hosts_backend, "remove_placement_group", told.removed.append)
        told.calls = workers.calls
        HostsConfig().backend_cls().on_start(workers, HostsConfig())
        return told

    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in (GLOO, NCCL):
        os.environ.pop(name, None)
    start.told = told
    return start


def test_one_host_is_left_alone(launch):
    told = launch("127.0.0.1", "127.0.0.1")
    assert told.calls == {"_look": 1}
    assert GLOO not in os.environ
    assert len(told.made) == 1


def test_hosts_that_reach_each_other_go_on(launch):
    told = launch("127.0.0.1", "127.0.0.1", "127.0.0.2")
    assert told.calls == {"_look": 1, "_listen": 1, "_try": 1, "_close": 1}
    assert hosts.interface_of("127.0.0.1") == os.environ[GLOO]
    assert len(told.made) == 1
    assert told.removed == []
    assert hosts_backend._listening == []


def test_hosts_that_do_not_are_named_before_a_process_group_is_made(launch, monkeypatch):
    def refuse(end, timeout):
        raise OSError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(HostsUnreachableError, match=r"cannot reach box.*Connection refused"):
        launch("127.0.0.1", "127.0.0.2")
    assert launch.told.made == []
    assert hosts_backend._listening == []
    assert launch.told.removed == ["places"]


def test_the_places_of_a_launch_that_fails_are_free_at_once(launch):
    """Ray 2.60 kept them: the next run waited 181 s for them, and failed too."""
    with pytest.raises(RuntimeError, match="no group"):
        launch("127.0.0.1", fails=RuntimeError("no group"))
    assert launch.told.removed == ["places"]


def test_the_configuration_is_rays_own_but_for_the_look(launch):
    assert isinstance(HostsConfig(timeout_s=3), TorchConfig)
    assert HostsConfig(timeout_s=3).to_dict() == TorchConfig(timeout_s=3).to_dict()
    assert issubclass(HostsConfig().backend_cls, TorchConfig().backend_cls)


def test_the_error_is_the_cause_of_the_run():
    error = hosts.error_of(["a cannot reach b"])
    failure = describe(ray.train.ControllerError(error))
    assert failure.type == "HostsUnreachableError"
    assert "a cannot reach b" in failure.message
