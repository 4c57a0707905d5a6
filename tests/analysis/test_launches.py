"""Runs that followed another in the same workers: they count for accuracy and not for speed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.comparison.side import side_of
from ray_bench.analysis.groups import first_of_launches, groups_of
from ray_bench.analysis.study import studies
from ray_bench.sweep.rounds import log_throughputs
from tests.synthetic import synthetic

SEEDS = (0, 1, 2, 3)


def shared(repeats):
    """Four seeds to a launch; a launch's own part is ten times that of a run."""
    rng = np.random.default_rng(1)
    results = synthetic((1, 2, 4), repeats=repeats, seeds=SEEDS, noise=0)
    of_launch = {}
    runs = []
    for run in results.runs:
        launch = f"{run.point.world_size}-{run.repeat}"
        common = of_launch.setdefault(launch, rng.normal(0, 0.02))
        speed = run.throughput_samples_per_s * math.exp(common + rng.normal(0, 0.002))
        runs.append(replace(run, launch_id=launch, throughput_samples_per_s=speed))
    return replace(results, runs=tuple(runs))


def test_the_first_of_a_launch_stands_for_it():
    runs = shared(2).runs
    first = first_of_launches(runs)
    assert len(first) == 6
    for run in first:
        others = [x.order_index for x in runs if x.launch_id == run.launch_id]
        assert run.order_index == min(others)
    alone = [replace(run, launch_id=None) for run in runs]
    assert list(first_of_launches(alone)) == alone


def test_speed_has_as_many_repeats_as_launches_and_accuracy_all_runs():
    results = shared(3)
    (study,) = studies(results)
    assert {x.num_runs for x in study.throughput.values()} == {3}
    assert {row.total.num_runs for row in study.times} == {3}
    assert {row.num_runs for row in study.accuracy} == {12}
    assert {x.launch_id for x in results.runs} == {run.launch_id for run in study.group.timed}


def test_one_launch_gives_no_interval_from_repeats():
    (study,) = studies(shared(1))
    assert study.source == "within_run"


def test_a_comparison_does_not_take_runs_for_launches():
    results = shared(1)
    (group,) = groups_of(results)
    (study,) = studies(results)
    side = side_of(group, results, study.curve, [2])
    alone = replace(results, runs=tuple(replace(run, launch_id=None) for run in group.timed))
    (one_each,) = groups_of(alone)
    expected = side_of(one_each, alone, study.curve, [2])
    assert side.curve.throughput[2].variance == pytest.approx(expected.curve.throughput[2].variance)
    assert side.curve.throughput[2].variance > 0.009**2
    assert side.times()[2].total.num_runs == 1


def test_the_stop_rule_looks_at_what_the_report_will_show():
    results = shared(3)
    (study,) = studies(results)
    logs = log_throughputs(results.runs, 3)
    for size, estimate in study.throughput.items():
        assert np.mean(logs[size]) == pytest.approx(estimate.log_mean)
        assert np.var(logs[size], ddof=1) / 3 == pytest.approx(estimate.variance)
