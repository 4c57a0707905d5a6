"""Drift, outliers, plateaus: found where they were planted, and not where there are none."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ray_bench.analysis.anomalies import Plateau, Retrograde, Superlinear
from ray_bench.analysis.drift import Drift, drift
from ray_bench.analysis.outliers import OutlierRun, SlowBlocks, cut, modified_z
from ray_bench.analysis.study import studies
from tests.synthetic import START, synthetic


def found(kind, results):
    (study,) = studies(results)
    return [x for x in study.anomalies if isinstance(x, kind)]


def drifted(per_run, **changes):
    """Every run is faster than the one before by a share, in shuffled order."""
    results = synthetic((1, 2, 4), **{"repeats": 5, "noise": 0.002, "gap_s": 30.0, **changes})
    order = np.random.default_rng(4).permutation(len(results.runs))
    start = {results.runs[i].run_id: place for place, i in enumerate(order)}
    runs = [
        replace(
            run,
            started_at_utc=results.runs[start[run.run_id]].started_at_utc,
            throughput_samples_per_s=run.throughput_samples_per_s
            * (1 + per_run) ** start[run.run_id],
        )
        for run in results.runs
    ]
    return replace(results, runs=tuple(runs))


@pytest.mark.parametrize("per_run", [-0.005, 0.005])
def test_a_drift_is_found_with_its_size(per_run):
    (seen,) = found(Drift, drifted(per_run))
    truth = (1 + per_run) ** 14 - 1
    assert seen.change_frac.value == pytest.approx(truth, abs=0.006)
    assert seen.span_s == pytest.approx(14 * 30)


def test_the_interval_of_a_drift_covers_it():
    rng = np.random.default_rng(8)
    results = synthetic((1, 2, 4), repeats=4, noise=0.0, gap_s=10.0)
    span_s = 10.0 * (len(results.runs) - 1)
    hits = []
    for _ in range(600):
        start_s = rng.permutation(len(results.runs)) * 10.0
        runs = [
            replace(
                run,
                started_at_utc=START + timedelta(seconds=t),
                throughput_samples_per_s=float(
                    run.point.world_size * 1.05 ** (t / span_s) * np.exp(0.01 * z)
                ),
            )
            for run, t, z in zip(
                results.runs, start_s, rng.standard_normal(len(start_s)), strict=True
            )
        ]
        hits.append(drift(runs).change_frac.contains(0.05))
    assert 0.93 <= np.mean(hits) <= 0.97


def test_no_drift_is_seldom_called_one():
    rng = np.random.default_rng(5)
    results = synthetic((1, 2), repeats=4, noise=0.0, gap_s=10.0)
    calls = 0
    for _ in range(400):
        runs = [
            replace(r, throughput_samples_per_s=100 * float(np.exp(0.02 * rng.standard_normal())))
            for r in results.runs
        ]
        calls += drift(runs).is_seen
    assert calls / 400 < 0.03


@pytest.mark.parametrize("changes", [{"gap_s": 0.0}, {"repeats": 1}])
def test_without_repeats_at_other_times_nothing_is_known(changes):
    results = synthetic((1, 2), **{"repeats": 4, "gap_s": 5.0, **changes})
    assert drift(results.runs) is None


def test_a_small_drift_is_not_reported():
    assert found(Drift, drifted(0.0004, noise=1e-5)) == []


def slowed(results, index, factor):
    runs = list(results.runs)
    speed = runs[index].throughput_samples_per_s
    runs[index] = replace(runs[index], throughput_samples_per_s=speed * factor)
    return replace(results, runs=tuple(runs))


def test_a_run_far_from_its_siblings_is_named():
    results = synthetic((1, 2), repeats=6)
    (outlier,) = found(OutlierRun, slowed(results, 8, 0.8))
    assert outlier.run_id == results.runs[8].run_id
    assert outlier.world_size == 2
    assert outlier.change_frac == pytest.approx(-0.2, abs=0.02)


@pytest.mark.parametrize(("repeats", "factor"), [(4, 0.5), (6, 0.995)])
def test_few_siblings_or_a_small_difference_make_no_outlier(repeats, factor):
    results = synthetic((1, 2), repeats=repeats, noise=1e-4)
    assert found(OutlierRun, slowed(results, 1, factor)) == []


@pytest.mark.parametrize("count", [5, 8, 16, 32])
def test_equal_runs_are_seldom_called_outliers(count):
    draws = np.random.default_rng(6).standard_normal((2000, count))
    calls = [np.abs(modified_z(x)).max() > cut(count) for x in draws]
    assert np.mean(calls) < 0.05


def hung(blocks_lost):
    """A run of 25 blocks of which two take longer, by so many typical blocks each; and all runs."""
    results = synthetic((1, 2), repeats=1)
    blocks = {name: column.copy() for name, column in results.blocks.items()}
    run_id = results.runs[1].run_id
    hangs = (blocks["run_id"] == run_id) & np.isin(blocks["block"], (5, 9))
    typical = float(np.median(blocks["duration_s"][blocks["run_id"] == run_id]))
    blocks["duration_s"][hangs] += blocks_lost * typical
    return run_id, replace(results, blocks=blocks)


@pytest.mark.parametrize("blocks_lost", [2, 0.25])
def test_blocks_that_hang_are_counted_with_their_cost(blocks_lost):
    run_id, results = hung(blocks_lost)
    (slow,) = found(SlowBlocks, results)
    assert (slow.run_id, slow.num_slow, slow.num_blocks) == (run_id, 2, 25)
    whole = 2 * blocks_lost
    assert slow.cost_frac == pytest.approx(whole / (25 + whole), rel=0.15)


def test_blocks_that_cost_less_than_a_hundredth_are_not_told():
    assert found(SlowBlocks, hung(0.1)[1]) == []


def steps(**seconds):
    return lambda n, batch: seconds[f"w{n}"]


@pytest.mark.parametrize(
    ("step_s", "kind"),
    [
        (steps(w1=0.1, w2=0.05, w4=0.0495), Plateau),
        (steps(w1=0.1, w2=0.05, w4=0.06), Retrograde),
        (steps(w1=0.1, w2=0.04, w4=0.02), Superlinear),
    ],
)
def test_a_curve_with_an_unusual_shape(step_s, kind):
    results = synthetic((1, 2, 4), step_s=step_s, repeats=6, noise=0.002)
    shapes = [x for x in studies(results)[0].anomalies if not isinstance(x, OutlierRun)]
    assert [type(x) for x in shapes] == [kind]


def test_a_plateau_needs_narrow_intervals():
    step_s = steps(w1=0.1, w2=0.05, w4=0.0495)
    (flat,) = found(Plateau, synthetic((1, 2, 4), step_s=step_s, repeats=6, noise=0.002))
    assert (flat.before, flat.after) == (2, 4)
    assert 1 < flat.high_ratio < 1.1
    assert found(Plateau, synthetic((1, 2, 4), step_s=step_s, repeats=3, noise=0.1)) == []


def test_an_ordinary_sweep_has_no_anomaly():
    assert found(object, synthetic(gap_s=20.0)) == []
