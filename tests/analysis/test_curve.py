"""Ratios of world sizes: round by round in a ladder, else of independent means."""

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.curve import curve_of
from ray_bench.analysis.study import studies
from ray_bench.stats.log_estimate import log_ratio
from tests.synthetic import synthetic


def drifting(ladder, *, repeats=8):
    """Runs whose rounds share a large noise, and differ by a small one of their own."""
    results = synthetic((1, 2, 4), repeats=repeats, ladder=ladder, noise=0.001)
    common = np.exp(0.1 * np.random.default_rng(2).standard_normal(repeats))
    runs = [
        replace(run, throughput_samples_per_s=run.throughput_samples_per_s * common[run.repeat])
        for run in results.runs
    ]
    return replace(results, runs=tuple(runs))


def test_what_a_round_has_in_common_cancels():
    paired = curve_of(drifting(True).runs, {})
    apart = curve_of(drifting(False).runs, {})
    assert paired.is_paired
    assert not apart.is_paired
    ours, theirs = paired.ratio(4, 1), apart.ratio(4, 1)
    assert ours.log_mean == pytest.approx(theirs.log_mean)
    assert ours.variance < theirs.variance / 100
    assert ours.df == 7
    assert theirs == log_ratio(apart.throughput[4], apart.throughput[1])


def test_rounds_that_one_of_them_lacks_are_left_out():
    runs = [r for r in drifting(True).runs if (r.point.world_size, r.repeat) != (4, 3)]
    curve = curve_of(runs, {})
    assert (curve.ratio(4, 1).num_runs, curve.ratio(2, 1).num_runs) == (7, 8)


def test_one_round_gives_no_pairs():
    assert not curve_of(drifting(True, repeats=1).runs, {}).is_paired


def test_rounds_of_two_ladders_are_not_mixed_up():
    first = drifting(True, repeats=2).runs
    second = [replace(run, ladder_id="ladder-2") for run in first]
    assert curve_of([*first, *second], {}).ratio(2, 1).num_runs == 4


def test_speedup_and_recommendation_use_the_pairs():
    (paired,) = studies(drifting(True))
    (apart,) = studies(drifting(False))
    assert paired.decision.recommended == 4
    assert paired.is_ladder
    widths = [s.rows[-1].speedup.high - s.rows[-1].speedup.low for s in (paired, apart)]
    assert widths[0] < widths[1] / 10


def test_a_part_of_a_curve_keeps_its_rounds():
    part = curve_of(drifting(True).runs, {}).only((1, 4))
    assert part.sizes == (1, 4)
    assert part.is_paired
