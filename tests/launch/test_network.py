"""The all-reduce sweep on a cluster: who takes turns with whom, and what happens when it fails."""

from __future__ import annotations

import pytest

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ClusterCapacityError, LaunchError
from ray_bench.launch import network, network_worker
from ray_bench.launch.cluster import Capacity


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told = []

    def network_measured(self, records) -> None:
        self.told.append(("measured", list(records)))

    def network_failed(self, reason) -> None:
        self.told.append(("failed", reason))


def measure_first(listener, *, is_asked=True, world_sizes=(1, 2)):
    config = SweepConfig(
        workload="cnn-digits", world_sizes=world_sizes, measure={"network": is_asked}
    )
    network.measure_first(config, "sweep-1", use_gpu=False, scratch_dir="", listener=listener)
    return listener.told


def groups(nodes, sizes, *, is_spread=False):
    found = network_worker.turns(list(nodes), sizes, is_spread=is_spread)
    return [(turn.ranks, turn.is_run_placement) for turn in found]


def test_neighbouring_ranks_take_turns_on_one_node():
    assert groups("aaaa", (2, 4)) == [((0, 1), True), ((0, 1, 2, 3), True)]


def test_a_size_that_fits_on_a_node_is_also_taken_across_nodes():
    assert groups("aaaabbbb", (2, 4, 8)) == [
        ((0, 1), True),
        ((0, 4), False),
        ((0, 1, 2, 3), True),
        ((0, 1, 4, 5), False),
        (tuple(range(8)), True),
    ]


def test_where_runs_are_spread_that_is_what_is_measured_and_the_other_kind_of_link_too():
    assert groups("aabbccdd", (2, 4, 8), is_spread=True) == [
        ((0, 2), True),
        ((0, 1), False),
        ((0, 2, 4, 6), True),  # neighbours would be on two nodes
        (tuple(range(8)), True),
    ]


@pytest.mark.parametrize("is_spread", [False, True])
def test_one_rank_a_node_has_no_link_within_a_node(is_spread):
    assert groups("abc", (2, 3), is_spread=is_spread) == [((0, 1), True), ((0, 1, 2), True)]


def test_nodes_of_different_sizes():
    assert groups("aaab", (3,)) == [((0, 1, 2), True), ((0, 1, 3), False)]


@pytest.mark.parametrize(
    ("cpus", "gpus", "use_gpu", "sizes"),
    [
        (8, 0, None, (2, 4, 8)),
        (5, 0, None, (2, 4)),
        (64, 4, None, (2, 4)),
        (64, 1, None, (2, 4, 8)),
        (64, 4, False, (2, 4, 8)),
    ],
)
def test_world_sizes_go_as_far_as_the_devices(cpus, gpus, use_gpu, sizes):
    config = SweepConfig(workload="cnn-digits", use_gpu=use_gpu)
    assert network.default_sizes(config, Capacity(cpus=cpus, gpus=gpus)) == sizes


def test_one_cpu_is_too_few_for_an_all_reduce():
    config = SweepConfig(workload="cnn-digits")
    with pytest.raises(ClusterCapacityError, match="needs 2 workers"):
        network.default_sizes(config, Capacity(cpus=1, gpus=0))


def test_a_network_that_cannot_be_measured_does_not_end_the_sweep(monkeypatch):
    def fail(*_, **__):
        raise LaunchError("The network could not be measured: rank 1: it broke.")

    monkeypatch.setattr(network_worker, "measure_network", fail)
    ((what, reason),) = measure_first(Listener())
    assert (what, "rank 1" in reason) == ("failed", True)


def test_a_sweep_of_one_worker_is_told_that_it_has_no_network():
    ((what, reason),) = measure_first(Listener(), world_sizes=(1,))
    assert (what, "2 or more" in reason) == ("failed", True)


def test_nothing_is_measured_unasked(monkeypatch):
    monkeypatch.setattr(network_worker, "measure_network", None)
    assert measure_first(Listener(), is_asked=False) == []


def test_records_are_handed_to_the_listener(monkeypatch):
    asked = {}

    def measure(config, world_sizes, **values):
        asked.update(values, world_sizes=world_sizes)
        return ["record"]

    monkeypatch.setattr(network_worker, "measure_network", measure)
    assert measure_first(Listener()) == [("measured", ["record"])]
    assert (asked["network_id"], asked["world_sizes"]) == ("sweep-1", (1, 2))


def test_what_a_thread_raises_is_raised():
    def fail():
        raise LaunchError("no")

    with pytest.raises(LaunchError, match="no"):
        network_worker._in_thread(fail)
    assert network_worker._in_thread(lambda: 7) == 7


@pytest.mark.parametrize("error", [ValueError("odd"), RuntimeError("gloo is gone"), KeyError("x")])
def test_whatever_the_measurement_of_the_network_raises_the_sweep_goes_on(monkeypatch, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr(network_worker, "measure_network", broken)
    ((what, reason),) = measure_first(Listener())
    assert what == "failed"
    assert str(error) in reason
    assert "measure.network=false" in reason
