"""How Ray is asked for the place of a run, which nodes are chosen, and what is made of the rest."""

from __future__ import annotations

import pytest
import ray
import torch
from ray.train import ScalingConfig

from ray_bench.config.grid import expand
from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.placements import ANYWHERE, placement
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import LaunchError, PlacementError
from ray_bench.launch import placing, trial, vacancy, worker
from ray_bench.launch.hosts import Node
from ray_bench.launch.placing import Host, check, choose, difference, hosts_of, is_exact
from ray_bench.launch.trial import run_launch
from ray_bench.train.group import Group
from tests.launch.local import launch_of


def config(**changes) -> SweepConfig:
    return SweepConfig(workload="x", **changes)


def node(name: str, cpus: float, *, alive: bool = True, labels=(), **resources: float) -> dict:
    return {
        "NodeID": name,
        "NodeManagerAddress": f"10.0.0.{ord(name) - ord('a')}",
        "Alive": alive,
        "Resources": {"CPU": cpus, **resources},
        "Labels": {"ray.io/node-id": name, **dict(labels)},
    }


@pytest.fixture
def cluster(monkeypatch):
    def of(*nodes: dict, free=()) -> None:
        monkeypatch.setattr(ray, "nodes", lambda: list(nodes))
        for module in (placing, vacancy):
            monkeypatch.setattr(module, "free_by_node", lambda: dict(free) or None)
        monkeypatch.setattr(vacancy, "_silent", lambda nodes: {})
        monkeypatch.setattr(vacancy, "can_grow", lambda: False)

    return of


def test_several_workers_on_each_of_several_nodes_are_named_nodes(cluster):
    cluster(node("c", 2), node("a", 2), node("b", 1), node("d", 4, alive=False))
    asked = placing.scaling_config(config(), placement("2x2"), num_workers=4, use_gpu=False)
    chosen = [label["ray.io/node-id"] for label in asked.label_selector]
    assert chosen == ["a", "a", "c", "c"]
    assert asked.num_workers == 4


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        *(("pack", "PACK"), ("spread", "SPREAD"), ("strict_spread", "STRICT_SPREAD")),
        *(("1x4", "STRICT_PACK"), ("4x1", "STRICT_SPREAD")),
    ],
)
def test_what_a_strategy_of_ray_s_gives_names_no_nodes(name, strategy):
    asked = placing.scaling_config(config(), placement(name), num_workers=4, use_gpu=False)
    assert (asked.placement_strategy, asked.label_selector) == (strategy, None)


def test_labels_and_gpu_type_reach_ray_with_and_without_nodes(cluster):
    zone = {"zone": "in(x, y)"}
    made = config(launch={"labels": zone, "gpu_type": "A100", "placement": "SPREAD"})
    asked = placing.scaling_config(made, ANYWHERE, num_workers=2, use_gpu=True)
    assert (asked.label_selector, asked.accelerator_type) == (zone, "A100")
    assert asked.placement_strategy == "SPREAD"
    gpus = {"GPU": 2, "accelerator_type:A100": 1}
    cluster(
        node("a", 2, labels={"zone": "z"}.items(), **gpus),
        node("b", 2, labels={"zone": "x"}.items(), **gpus),
        node("c", 2, labels={"zone": "x"}.items(), GPU=2),
        node("d", 2, labels={"zone": "y"}.items(), **gpus),
    )
    both = placing.scaling_config(made, placement("2x2"), num_workers=4, use_gpu=True)
    assert both.label_selector == [zone | {"ray.io/node-id": x} for x in ("b", "b", "d", "d")]


def test_rooms_are_workers_that_fit_and_free_ones_that_fit_now(cluster):
    cluster(node("a", 3.0), node("b", 0.0), node("c", 1.4), free={"a": {"CPU": 0.7}})
    found = hosts_of(config(cpus_per_worker=0.7), use_gpu=False)
    assert [(host.node_id, host.room, host.free) for host in found] == [("a", 4, 1), ("c", 2, 2)]


def test_nodes_in_use_are_taken_last_and_equal_ones_in_their_order():
    free = {"a": 2, "b": 0, "c": 2, "d": 2}
    hosts = [Host(node_id=x, address=x, room=2, free=now) for x, now in free.items()]
    assert choose(hosts, placement("2x2")) == ("a", "c")
    assert choose(hosts, placement("4x2")) == ("a", "c", "d", "b")


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    """How long it was waited each time."""
    found: list[float] = []
    monkeypatch.setattr(placing.time, "sleep", found.append)
    return found


def nodes_of(asked: ScalingConfig) -> str:
    return "".join(label["ray.io/node-id"] for label in asked.label_selector)


def test_a_repeat_waits_a_little_for_the_nodes_of_the_run_before(cluster, monkeypatch, naps):
    looks = iter([{"a": {"CPU": 0.0}}, {"a": {"CPU": 0.0}}, {}])
    cluster(node("a", 2), node("b", 2), node("c", 2))
    monkeypatch.setattr(placing, "free_by_node", lambda: next(looks))
    asked = placing.scaling_config(config(), placement("2x2"), num_workers=4, use_gpu=False)
    assert (nodes_of(asked), len(naps)) == ("aabb", 2)


def test_nodes_that_stay_in_use_are_left_for_others(cluster, naps):
    cluster(node("a", 2), node("b", 2), node("c", 2), free={"a": {"CPU": 1.0}})
    asked = placing.scaling_config(config(), placement("2x2"), num_workers=4, use_gpu=False)
    assert nodes_of(asked) == "bbcc"
    assert sum(naps) <= 5


def test_too_few_nodes_are_told_with_their_rooms():
    hosts = [Host(node_id=x, address=f"10.0.0.{x}", room=x, free=x) for x in (1, 2)]
    with pytest.raises(PlacementError, match=r"2x2 needs 2 nodes with room for 2.* cluster has 1 "):
        choose(hosts, placement("2x2"))


@pytest.mark.parametrize(
    ("name", "nodes", "rooms", "differs"),
    [
        ("2x1", "aa", (2, 2), True),
        ("2x1", "ab", (2, 2), False),
        ("2x2", "aaab", (3, 3), True),
        ("1x2", "ab", (2, 2), True),
        ("strict_pack", "ab", (2, 2), True),
        ("strict_spread", "aab", (2, 2, 2), True),
        ("pack", "aa", (2, 2), False),
        ("pack", "ab", (2, 2), True),
        ("pack", "aaab", (2, 4), False),  # Ray may have filled the small node first
        ("pack", "aabb", (2, 2), False),
        ("spread", "aa", (2, 2), True),
        ("spread", "aabb", (2, 2), False),
        ("spread", "aabb", (2, 2, 1), True),
        ("spread", "aaa", (8,), False),
    ],
)
def test_what_was_got_is_compared_with_what_the_nodes_allow(name, nodes, rooms, differs):
    words = difference(placement(name), list(nodes), rooms)
    assert (words is not None) == differs
    if words is not None:
        assert words.startswith(f"The placement {name} was asked for, and Ray put ")


def test_where_nothing_was_asked_nothing_differs():
    assert difference(ANYWHERE, ["a", "b"], (2, 2)) is None


def test_ray_s_best_effort_is_flagged_and_everything_else_fails():
    exact = {name: is_exact(placement(name)) for name in ("pack", "spread", "strict_pack", "2x2")}
    assert exact == {"pack": False, "spread": False, "strict_pack": True, "2x2": True}


class OlderScalingConfig:
    """As in Ray 2.51, which knows no label selectors."""

    def __init__(self, num_workers=1, placement_strategy="PACK", **_: object) -> None:
        self.placement_strategy = placement_strategy


EXACT = config(world_sizes=(1, 4), placements=("2x2",))


def test_an_older_ray_is_told_from_the_start_what_it_cannot_place(monkeypatch, cluster):
    check(EXACT, use_gpu=False)
    monkeypatch.setattr(placing, "ScalingConfig", OlderScalingConfig)
    cluster(*(node(name, 2) for name in "abc"))
    with pytest.raises(LaunchError, match=r"2x2 needs a cluster of exactly 2 nodes .*got 3: "):
        check(EXACT, use_gpu=False)
    with pytest.raises(LaunchError, match=r"launch\.labels asks for: .*no label_selector"):
        check(config(launch={"labels": {"zone": "x"}}), use_gpu=False)
    check(config(world_sizes=(1, 4), placements=("4x1", "1x4", "spread")), use_gpu=False)


def test_an_older_ray_spreads_evenly_over_the_only_nodes(monkeypatch, cluster):
    monkeypatch.setattr(placing, "ScalingConfig", OlderScalingConfig)
    cluster(node("a", 2), node("b", 4), node("c", 0))
    check(EXACT, use_gpu=False)
    asked = placing.scaling_config(EXACT, placement("2x2"), num_workers=4, use_gpu=False)
    assert asked.placement_strategy == "SPREAD"


def test_a_ray_with_one_selector_for_all_workers_cannot_name_nodes(monkeypatch, cluster):
    class Single(OlderScalingConfig):
        def __init__(self, label_selector: dict[str, str] | None = None) -> None:
            """One for all."""

    Single.__init__.__annotations__["label_selector"] = dict[str, str] | None
    monkeypatch.setattr(placing, "ScalingConfig", Single)
    cluster(*(node(name, 2) for name in "abc"))
    check(config(launch={"labels": {"zone": "x"}}), use_gpu=False)
    with pytest.raises(LaunchError, match="for each worker"):
        check(EXACT, use_gpu=False)


def test_a_gpu_type_needs_gpus():
    with pytest.raises(LaunchError, match="asks for GPUs, and this sweep runs on CPUs"):
        check(config(launch={"gpu_type": "A100"}), use_gpu=False)


def test_this_ray_takes_a_selector_for_each_worker():
    assert ScalingConfig(num_workers=2, label_selector=[{"a": "b"}, {}]).label_selector


@pytest.fixture
def two_ranks(monkeypatch, cluster, tmp_path, box):
    """What ranks on some nodes say of a placement, on a cluster of two nodes."""

    def flags(name: str, nodes: str) -> tuple[str, ...]:
        cluster(node("a", 2), node("b", 2))
        made = config(world_sizes=(len(nodes),), placements=(name,))
        (run,) = expand(made.with_defaults(WorkloadDefaults()))
        here = Node(node_id=nodes[0], address="10.0.0.0", host_name="box")
        monkeypatch.setattr(worker, "here", lambda: here)
        gather = lambda found, mine: found.__setitem__(slice(None), [mine, *nodes[1:]])  # noqa: E731
        monkeypatch.setattr(worker.dist, "all_gather_object", gather)
        device = torch.device("cpu")
        group = Group(rank=0, world_size=len(nodes), local_rank=0, device=device)
        return worker._placement_flags(launch_of([run], made, tmp_path, box), group)

    return flags


def test_ranks_flag_a_best_effort_that_failed(two_ranks):
    assert two_ranks("spread", "ab") == two_ranks("pack", "aa") == ()
    assert two_ranks("spread", "aa") == two_ranks("pack", "ab") == ("placement_differs",)


def test_ranks_refuse_to_measure_at_another_exact_placement(two_ranks):
    assert two_ranks("2x1", "ab") == ()
    with pytest.raises(PlacementError, match="2x1 was asked for, and Ray put 2 workers on 1 node"):
        two_ranks("2x1", "aa")


def test_a_run_without_enough_nodes_fails_before_it_waits_for_them(
    cluster, tmp_path, box, monkeypatch
):
    cluster(node("a", 2), node("b", 1))
    made = config(world_sizes=(4,), placements=("2x2",)).with_defaults(WorkloadDefaults())
    monkeypatch.setattr(trial, "release_own_groups", lambda: None)
    failure = run_launch(launch_of(expand(made), made, tmp_path, box))
    assert (failure.type, failure.rank) == ("ClusterCapacityError", None)
    assert "Asked 4 workers of 1 CPU (placement 2x2), the cluster can give 2" in failure.message
