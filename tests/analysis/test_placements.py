"""Runs of different placement: apart in curves, together in the laws of two levels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.analysis.comparison.facts import Allow
from ray_bench.analysis.comparison.pairs import pairs_of
from ray_bench.analysis.groups import groups_of
from ray_bench.analysis.nodes import most_on_a_node, nodes_by_size, nodes_used
from ray_bench.analysis.placements import joined
from ray_bench.analysis.settings import setting_rows
from ray_bench.analysis.study import studies
from ray_bench.errors import IncompatibleRunsError
from tests.placed import TWO_NODES, placed
from tests.synthetic import synthetic

BETWEEN_S = 0.018


def two_levels(size: int, held: tuple[int, ...]) -> float:
    """A step of 128 ms at one worker, 4 ms of it serial; a ring over the nodes' link of 18 ms."""
    ring = 2 * (size - 1) / size * BETWEEN_S if len(held) > 1 else 0.0
    return 0.124 / size + 0.004 + ring


def one_level(size: int, held: tuple[int, ...]) -> float:
    """A step that knows no nodes."""
    return 0.124 / size + 0.004


def joined_of(results):
    (found,) = joined(results, groups_of(results))
    return found


def test_placements_are_groups_and_one_worker_is_the_baseline_of_each():
    groups = {g.key["placement"]: g for g in groups_of(placed(step_s=two_levels))}
    assert {name: g.world_sizes for name, g in groups.items()} == {
        "pack": (1, 2, 4),
        "spread": (1, 2, 4),
        "2 a node": (1, 4),
    }
    for name, group in groups.items():
        asked = {run.point.placement for run in group.runs} - {None}
        assert asked == {"2x2" if name == "2 a node" else name}


def test_as_many_on_each_node_are_one_curve():
    places = ((None, (1,)), ("1x2", (2,)), ("2x2", (2, 2)), ("4x2", (2, 2, 2, 2)))
    (group,) = groups_of(placed(places, step_s=two_levels))
    assert (group.key["placement"], group.world_sizes) == ("2 a node", (1, 2, 4, 8))


def test_one_worker_in_ddp_belongs_to_every_placement_too():
    results = placed(step_s=two_levels)
    wrapped = [
        replace(run, run_id=f"{run.run_id}-ddp", point=replace(run.point, is_ddp=True))
        for run in results.runs
        if run.point.world_size == 1
    ]
    groups = groups_of(replace(results, runs=(*results.runs, *wrapped)))
    assert [len(group.ddp_at_one) for group in groups] == [3, 3, 3]


def test_a_run_that_was_elsewhere_is_in_no_curve():
    results = placed(step_s=two_levels)
    runs = tuple(
        replace(run, flags=("placement_differs",)) if run.point.placement == "spread" else run
        for run in results.runs
    )
    assert {g.key["placement"] for g in groups_of(replace(results, runs=runs))} == {
        "pack",
        "2 a node",
    }


def test_the_nodes_of_a_run_are_those_of_its_ranks_or_of_its_environment():
    old = synthetic((4,), repeats=1)
    run, hosts = old.runs[0], old.environments
    ranks = replace(run, rank_node_ids=("a", "b", "a", "a"))
    assert (nodes_used(run, {}), most_on_a_node(run, {})) == (None, None)
    assert (nodes_used(run, hosts), most_on_a_node(run, hosts)) == (1, 4)
    assert (nodes_used(ranks, hosts), most_on_a_node(ranks, hosts)) == (2, 3)
    assert nodes_by_size([ranks], hosts) == {4: 2}


def test_the_boundary_at_one_world_size_is_measured():
    found = joined_of(placed(step_s=two_levels))
    (same,) = [x for x in found.boundaries if x.is_measured]
    assert (same.inside.num_nodes, same.beyond.num_nodes, same.beyond.world_size) == (1, 2, 2)
    assert same.is_found
    assert same.extra.contains(BETWEEN_S)


def test_the_boundary_between_world_sizes_is_that_of_the_law():
    found = joined_of(placed(step_s=two_levels))
    (law,) = [x for x in found.boundaries if not x.is_measured]
    assert (law.inside.world_size, law.beyond.world_size, law.beyond.num_nodes) == (2, 4, 2)
    assert law.extra.contains(1.5 * BETWEEN_S)
    assert found.fit.chosen.test.law.key == "two_level_fixed"
    assert found.parameters["between_nodes"].contains(BETWEEN_S)
    assert found.parameters["compute"].value == pytest.approx(0.124, rel=0.02)


def test_runs_that_were_placed_alike_count_together():
    found = joined_of(placed(step_s=two_levels))
    places = [(x.world_size, x.num_nodes, x.workers_per_node) for x in found.places]
    assert places == [(1, 1, 1), (2, 1, 2), (2, 2, 1), (4, 2, 2)]


def test_more_nodes_are_forecast_with_an_interval_that_holds_the_truth():
    found = joined_of(placed(step_s=two_levels))
    assert [(x.num_nodes, x.workers_per_node) for x in found.forecast] == [
        *((4, 1), (8, 1), (4, 2), (8, 2))
    ]
    for x in found.forecast:
        truth = two_levels(x.world_size, (x.workers_per_node,) * x.num_nodes)
        assert x.step_time.contains(truth)
        assert x.step_time.value == pytest.approx(truth, rel=0.05)


def test_no_boundary_is_found_where_there_is_none():
    found = joined_of(placed(step_s=one_level))
    (same,) = [x for x in found.boundaries if x.is_measured]
    assert not same.is_found
    assert same.extra.contains(0.0)


def test_without_a_run_on_several_nodes_there_is_no_boundary():
    """Two placements of one node each: nothing to tell apart, and no verdict about nodes."""
    places = ((None, (1,)), ("pack", (2,)), ("spread", (2,)), ("pack", (4,)), ("spread", (4,)))
    results = placed(places, step_s=one_level)
    found = joined_of(results)
    assert (found.boundaries, found.fit, found.forecast) == ((), None, ())
    assert all(s.verdict.bottleneck.name != "NODE_BOUNDARY" for s in studies(results))


def test_weak_scaling_is_joined_too():
    def step_s(size, held):
        return 0.128 + (2 * (size - 1) / size * BETWEEN_S if len(held) > 1 else 0.0)

    found = joined_of(placed(step_s=step_s, scaling="weak"))
    assert found.parameters["between_nodes"].contains(BETWEEN_S)
    assert found.places[-1].step_time.value == pytest.approx(0.155, rel=0.01)


def test_a_place_that_its_fullest_node_does_not_describe_is_left_out():
    places = (*TWO_NODES, ("strict_pack", (2, 1, 1)))
    found = joined_of(placed(places, step_s=two_levels))
    assert (4, 3) not in {(x.world_size, x.num_nodes) for x in found.places}


def test_a_sweep_without_placements_has_nothing_to_join():
    results = synthetic((1, 2, 4))
    assert joined(results, groups_of(results)) == ()


def test_what_a_placement_is_worth_is_told_beside_the_settings():
    rows = setting_rows([(s.group, s.curve) for s in studies(placed(step_s=two_levels))])
    found = {(r.value, r.world_size): r.ratio for r in rows if r.setting == "placement"}
    assert set(found) == {("spread", 2), ("spread", 4), ("2 a node", 4)}
    assert found["spread", 2].contains(two_levels(2, (2,)) / two_levels(2, (1, 1)))


def test_sweeps_of_different_placement_are_not_compared():
    packed = placed(((None, (1,)), ("pack", (2,))), step_s=two_levels)
    spread = placed(((None, (1,)), ("spread", (1, 1))), step_s=two_levels)
    with pytest.raises(IncompatibleRunsError, match=r"placement \('pack' and 'spread'\)"):
        pairs_of(packed, spread, ())
    assert pairs_of(packed, spread, (Allow.HARDWARE,)).pairs
