"""What the report says of several placements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.records import RunData
from ray_bench.report.model import build_report
from ray_bench.report.sections.environment import environment_table
from ray_bench.trackers.entry import Entries
from tests.analysis.test_placements import one_level, two_levels
from tests.placed import placed
from tests.synthetic import environment, synthetic


def section(report, key):
    return next((x for x in report.sections if x.key == key), None)


def test_groups_are_named_by_their_placement():
    report = build_report(placed(step_s=two_levels))
    titles = [x.title for x in report.sections]
    names = ("pack", "spread", "2 workers a node")
    assert tuple(x.name for x in report.screens) == names
    for name in names:
        assert f"Losses by cause ({name})" in titles
    assert report.answer.startswith("Pack: Use ")
    assert section(report, "scaling_2").paragraphs[0].endswith("placement: spread.")


def test_the_boundary_is_named_with_its_cost_and_more_nodes_are_forecast():
    nodes = section(build_report(placed(step_s=two_levels)), "nodes")
    assert nodes.paragraphs[0].startswith(
        "Node boundary: between 2 workers on one node and as many on 2 nodes, the step takes 17.8"
    )
    assert (
        "between 2 workers on one node and 4 on 2 nodes, the step takes 27.0"
        in (nodes.paragraphs[1])
    )
    assert "Law: two levels, one ring, fixed time" in nodes.paragraphs[2]
    assert "over the link between nodes, exposed, 18.0 ms (95 %" in nodes.paragraphs[3]
    assert [table.key for table in nodes.tables] == ["places", "place_laws"]
    forecast = [row for row in nodes.tables[0].rows if row[1].value == "forecast"]
    assert [row[2].value for row in forecast] == [4, 8, 4, 8]
    assert all(row[5].kind == "predicted" and row[5].low < row[5].high for row in forecast)


def test_one_worker_a_node_is_one():
    places = ((None, (1,)), ("2x1", (1, 1)), ("pack", (2,)))
    report = build_report(placed(places, step_s=two_levels))
    assert "1 worker a node" in [x.name for x in report.screens]


def test_places_and_forecast_are_a_topic_of_their_own():
    (fold,) = (x for x in build_report(placed(step_s=two_levels)).folds if x.key == "nodes")
    tables = [table.key for nodes in fold.sections for table in nodes.tables]
    assert {"places", "place_laws"} <= set(tables)


def test_no_boundary_is_named_where_none_is_shown():
    nodes = section(build_report(placed(step_s=one_level)), "nodes")
    assert "no boundary is shown" in nodes.paragraphs[0]


def test_single_runs_show_no_interval_and_no_forecast():
    nodes = section(build_report(placed(step_s=two_levels, repeats=1)), "nodes")
    assert "too few runs for an interval" in nodes.paragraphs[0]
    assert "Use repeats=3." in nodes.paragraphs[-1]


def test_a_sweep_without_placements_has_no_such_section():
    assert section(build_report(synthetic((1, 2, 4))), "nodes") is None


def test_runs_that_were_elsewhere_are_listed_with_what_to_do():
    results = placed(step_s=two_levels)
    runs = tuple(
        replace(run, flags=("placement_differs",)) if run.point.placement == "2x2" else run
        for run in results.runs
    )
    found = section(build_report(replace(results, runs=runs)), "record").tables[0]
    keys = [column.key for column in found.columns]
    rows = (dict(zip(keys, row, strict=True)) for row in found.rows)
    row = next(x for x in rows if x["state"].value == "invalid")
    assert "on other nodes than the placement" in row["cause"].value
    assert row["remedy"].value.startswith("Look for other jobs on the nodes")


def test_trackers_have_one_baseline_for_all_placements():
    results = placed(step_s=two_levels)
    entries = Entries(finished=[run for run in results.runs if run.point.world_size == 1])
    spread = next(r for r in results.runs if r.point.placement == "spread")
    entry = entries.of(RunData(run=spread))
    assert entry.parameters["placement"] == "spread"
    assert entry.metrics["run/efficiency_frac"] == pytest.approx(0.77, abs=0.02)


def test_environments_are_told_apart_by_placement():
    results = placed(step_s=two_levels)
    two = environment(num_nodes=2)
    runs = tuple(
        replace(run, environment_hash=two.environment_hash)
        if len(set(run.rank_node_ids)) > 1
        else run
        for run in results.runs
    )
    hosts = {**results.environments, two.environment_hash: two}
    rows = environment_table(replace(results, runs=runs, environments=hosts)).rows
    nodes = {row[0].value: row[1].value for row in rows if row[0].value.startswith("num nodes")}
    assert nodes == {
        "num nodes, 1, 2 pack workers": "1",
        "num nodes, 2 spread, 4 2x2, 4 pack, 4 spread workers": "2",
    }
