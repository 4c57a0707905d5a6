"""Runs over several hosts, with nothing set by hand: they are cloned machines on cloud images.

All hosts have one name, which resolves to loopback, and a first interface that leads nowhere.
"""

from __future__ import annotations

import numpy as np
import pytest

from ray_bench.records import Results
from ray_bench.store import ResultsStore
from tests.cluster.hosts import DECOY, LINK
from tests.cluster.lab import Lab

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

#: Short runs: what is asked here is whether and where they run, not how fast.
SHORT = ("measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0")
EMULATED = ("workload=emulated", "steps=30", "world_sizes=[2]", *SHORT)
#: 1 Gbit/s less the headers of Ethernet, IP and TCP: 1448 of 1514 bytes of a frame are data.
BYTES_PER_S = 1e9 / 8 * 1448 / 1514


def measure(lab: Lab, folder, *arguments: str) -> Results:
    done = lab.ray_bench("run", *arguments, "--results", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return ResultsStore(folder).read()


def on_two_nodes(results: Results, lab: Lab) -> None:
    (run,) = results.ok_runs
    assert sorted(run.rank_addresses) == [lab.network.address(host) for host in lab.hosts]
    assert len(set(run.rank_node_ids)) == 2
    (environment,) = results.environments.values()
    assert (environment.num_nodes, environment.hostnames) == (2, ("box",))
    assert "oversubscribed" not in run.flags


def test_a_run_spreads_over_hosts_of_one_name_and_all_reduce_is_measured_where_it_ran(
    two_hosts, tmp_path
):
    how = ("world_sizes=[2]", "launch.placement=SPREAD", "measure.network=true", "epochs=1")
    results = measure(two_hosts, tmp_path, "workload=cnn-digits", *how, *SHORT)
    on_two_nodes(results, two_hosts)
    network = results.network
    assert set(network["num_nodes"]) == {2}
    assert set(network["workers_per_node"]) == {1}
    assert all(network["is_run_placement"])
    # Two ranks send each other half the buffer, and the sum of the other half.
    largest = max(network["num_bytes"])
    took_s = float(np.median(network["duration_s"][network["num_bytes"] == largest]))
    assert took_s == pytest.approx(largest / BYTES_PER_S, rel=0.15)


@pytest.mark.slow
def test_an_emulated_run_has_one_worker_on_each_host(two_hosts, tmp_path):
    results = measure(two_hosts, tmp_path, *EMULATED, "launch.placement=STRICT_SPREAD")
    on_two_nodes(results, two_hosts)


def test_hosts_that_cannot_connect_are_named_and_the_next_run_does_not_wait(two_hosts, tmp_path):
    """Ray's network is fine; the one that the user chose for training leads nowhere."""
    done = two_hosts.ray_bench(
        "run", *EMULATED, "repeats=2", "launch.placement=STRICT_SPREAD",
        f"launch.env.GLOO_SOCKET_IFNAME={DECOY}", "--results", str(tmp_path), timeout_s=140,
    )  # fmt: skip
    assert done.returncode == 1
    runs = ResultsStore(tmp_path).read().failed_runs
    assert [run.error_type for run in runs] == ["HostsUnreachableError"] * 2
    for one, other in ((1, 2), (2, 1)):
        ends = (f"box (172.31.255.{number} on {DECOY})" for number in (one, other))
        assert " cannot reach ".join(ends) in runs[0].error_message
    assert "launch.env.GLOO_SOCKET_IFNAME=" in runs[0].error_message


@pytest.mark.slow
def test_a_host_without_the_interface_that_was_asked_for_says_what_it_has(two_hosts, tmp_path):
    done = two_hosts.ray_bench(
        "run", *EMULATED, "launch.placement=STRICT_SPREAD", "launch.env.GLOO_SOCKET_IFNAME=eth7",
        "--results", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    (run,) = ResultsStore(tmp_path).read().failed_runs
    assert f"has no address on eth7; it has {DECOY}, {LINK}" in run.error_message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("placement", "of_runs"),
    [
        ("PACK", {(2, 1, 2): True, (2, 2, 1): False, (4, 2, 2): True}),
        ("SPREAD", {(2, 2, 1): True, (2, 1, 2): False, (4, 2, 2): True}),
    ],
)
def test_all_reduce_is_measured_at_the_placement_of_runs(two_hosts, tmp_path, placement, of_runs):
    sizes = ("world_sizes=[2,4]", f"launch.placement={placement}", "measure.network=true")
    results = measure(two_hosts, tmp_path, "workload=emulated", "steps=30", *sizes, *SHORT)
    names = ("world_size", "num_nodes", "workers_per_node", "is_run_placement")
    rows = zip(*(results.network[name].tolist() for name in names), strict=True)
    assert {tuple(row[:3]): row[3] for row in rows} == of_runs
    for run in results.ok_runs:
        nodes = run.rank_node_ids
        per_node = max(nodes.count(node) for node in nodes)
        assert of_runs[run.point.world_size, len(set(nodes)), per_node]


@pytest.mark.slow
def test_hosts_with_ipv6_alone(make_lab, tmp_path):
    with make_lab(2, is_ipv6=True, same_name="box") as lab:
        results = measure(lab, tmp_path, *EMULATED, "launch.placement=STRICT_SPREAD")
        on_two_nodes(results, lab)


@pytest.mark.slow
def test_a_firewall_between_two_of_three_hosts_is_found(make_lab, tmp_path):
    """Ray is well: the head reaches both, and what it says to workers comes from there."""
    with make_lab(3, num_cpus=1, trials_on_head=True) as lab:
        lab.network.block(2, 3)
        done = lab.ray_bench(
            "run", "workload=emulated", "steps=30", "world_sizes=[3]", "batch_size=66", *SHORT,
            "launch.placement=STRICT_SPREAD", "--results", str(tmp_path),
        )  # fmt: skip
        assert done.returncode == 1
        (run,) = ResultsStore(tmp_path).read().failed_runs
        assert run.error_type == "HostsUnreachableError"
        two, three = (f"host{x} ({lab.network.address(x)} on {LINK})" for x in (2, 3))
        assert f"{three} cannot reach {two}: no answer in 4 s" in run.error_message
        assert f"{two} cannot reach {three}: " in run.error_message
        assert "host1" not in run.error_message
