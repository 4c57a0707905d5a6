"""`ray-bench network`, and the network before a sweep, with a launcher that makes samples up."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest

from ray_bench.errors import ClusterCapacityError
from ray_bench.records import NetworkRecord
from ray_bench.store import ResultsStore
from tests.network_samples import NCCL_TESTS, network_columns

SWEEP = ["workload=cnn-digits", "world_sizes=[1,2]", "epochs=1", "measure.network=true"]


def records_of(network_id: str, world_sizes=(2,)) -> list[NetworkRecord]:
    columns = network_columns(world_sizes, network_id=network_id)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [NetworkRecord(**dict(zip(columns, row, strict=True))) for row in rows]


@pytest.fixture
def results(tmp_path) -> str:
    return str(tmp_path / "results")


@pytest.fixture
def cluster(monkeypatch):
    """Stands for `ray_bench.launch.network`; remembers what it was asked."""
    asked = []

    def run_network(config, world_sizes, *, network_id, address, note):
        asked.append({"config": config, "world_sizes": world_sizes, "address": address})
        return records_of(network_id, world_sizes or (2, 4))

    module = ModuleType("ray_bench.launch.network")
    module.run_network = run_network
    monkeypatch.setitem(sys.modules, "ray_bench.launch.network", module)
    return asked


def test_a_network_is_measured_stored_and_shown_again(ray_bench, cluster, results):
    first = ray_bench("network", "--world-sizes", "4,2", "--results", results, "--format", "json")
    assert first.code == 0, first.err
    (network_id,) = ResultsStore(results).network_ids()
    assert f"Stored as {network_id} in {results}" in first.err
    assert cluster[0]["world_sizes"] == (2, 4)
    again = ray_bench("network", "--show", "--results", results, "--format", "json")
    assert json.loads(again.out) == json.loads(first.out)
    assert len(cluster) == 1


def test_settings_say_how_workers_run(ray_bench, cluster, results):
    settings = ["launch.env.GLOO_SOCKET_IFNAME=eth7", "cpus_per_worker=2"]
    outcome = ray_bench("network", *settings, "--results", results, "--address", "auto")
    assert outcome.code == 0, outcome.err
    (asked,) = cluster
    assert asked["config"].launch.env == {"GLOO_SOCKET_IFNAME": "eth7"}
    assert (asked["config"].cpus_per_worker, asked["address"]) == (2, "auto")
    assert asked["world_sizes"] is None
    assert "All-reduce by buffer size" in outcome.out


def test_the_newest_is_shown_and_any_other_by_its_id(ray_bench, results):
    store = ResultsStore(results)
    for name in ("network-20260101T000000Z", "20260301T000000Z-abcdef", "network-20260201T000000Z"):
        store.write_network(name, records_of(name))
    newest = ray_bench("network", "--show", "--results", results, "--format", "json")
    assert json.loads(newest.out)["sweep_id"] == "20260301T000000Z-abcdef"
    first = "network-20260101T000000Z"
    old = ray_bench("network", "--id", first, "--results", results, "--format", "json")
    assert json.loads(old.out)["sweep_id"] == first


def test_the_output_of_nccl_tests_is_analysed(ray_bench, cluster, tmp_path):
    file = tmp_path / "perf.txt"
    file.write_text(NCCL_TESTS)
    outcome = ray_bench("network", "--nccl-tests", str(file), "--format", "md")
    assert outcome.code == 0, outcome.err
    assert "All-reduce over 16 workers on unknown nodes: 120 us" in outcome.out
    assert "All-reduces that nccl-tests timed" in outcome.out
    assert "All workers were on one node" not in outcome.out
    assert cluster == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nccl-tests", "x.txt", "--world-sizes", "2"], "goes with --format alone"),
        (["--world-sizes", "1"], "takes whole numbers of 2 or more, got '1'"),
        (["--world-sizes", "2,x"], "got '2,x'"),
        (["launch.environ.X=1"], "Unknown key `launch.environ`"),
        (["--show"], "There is no all-reduce sweep in"),
        (["--id", "x"], "There is no all-reduce sweep in"),
    ],
)
def test_wrong_requests(ray_bench, cluster, results, arguments, message):
    outcome = ray_bench("network", *arguments, "--results", results)
    assert outcome.code == 2
    assert message in outcome.err
    assert cluster == []


def test_a_cluster_that_is_too_small_stores_nothing(ray_bench, cluster, results, monkeypatch):
    def refuse(*_, **__):
        raise ClusterCapacityError("World size 8 needs 8 CPUs and the cluster can give 2.")

    monkeypatch.setattr(sys.modules["ray_bench.launch.network"], "run_network", refuse)
    outcome = ray_bench("network", "--results", results)
    assert (outcome.code, outcome.out) == (1, "")
    assert "needs 8 CPUs" in outcome.err
    assert ResultsStore(results).network_ids() == ()


def with_network(launcher, monkeypatch, reason=None):
    """Let the fake launcher measure the network first, or fail to."""
    run_sweep = sys.modules["ray_bench.launch.sweep"].run_sweep
    asked = []

    def run(config, planned, *, sweep_id, listener, **values):
        asked.append(config.measure.network)
        if config.measure.network and reason is None:
            listener.network_measured(records_of(sweep_id))
        elif config.measure.network:
            listener.network_failed(reason)
        run_sweep(config, planned, sweep_id=sweep_id, listener=listener, **values)

    monkeypatch.setattr(sys.modules["ray_bench.launch.sweep"], "run_sweep", run)
    return asked


@pytest.mark.usefixtures("reports")
def test_the_network_of_a_sweep_has_its_id_and_is_measured_once(
    ray_bench, launcher, results, monkeypatch
):
    asked = with_network(launcher, monkeypatch)
    launcher.fail = lambda planned: planned.order_index == 0
    assert ray_bench("run", *SWEEP, "--results", results).code == 1
    stored = ResultsStore(results).read()
    assert len(stored.network["duration_s"]) > 0
    launcher.fail = lambda planned: False
    assert ray_bench("run", *SWEEP, "--results", results, "--resume").code == 0
    assert asked == [True, False]


@pytest.mark.usefixtures("reports")
def test_a_network_that_fails_loses_no_run(ray_bench, launcher, results, monkeypatch):
    with_network(launcher, monkeypatch, reason="rank 1: it broke.")
    outcome = ray_bench("run", *SWEEP, "--results", results)
    assert outcome.code == 0
    assert "the sweep goes on without the network. rank 1: it broke." in outcome.err
    stored = ResultsStore(results).read()
    assert len(stored.ok_runs) == 2
    assert len(stored.network["duration_s"]) == 0
