"""How far a forecast reaches, and where it is none."""

import math

import pytest

from ray_bench.analysis.fit.forecast import default_sizes, fit_curve, reached
from ray_bench.analysis.fit.points import points_of
from ray_bench.analysis.fit.reach import MAX_SPREAD, is_wide, parameter_told
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate


def fit(curve, workers_per_node=None, sd=0.005):
    means = {n: LogEstimate(math.log(x), sd**2, 8.0, 3, "repeats") for n, x in curve.items()}
    return fit_curve(points_of(means, "weak", workers_per_node=workers_per_node))


def unknown(found, *sizes):
    return [x.unknown for x in found.forecast(sizes)]


def test_two_world_sizes_carry_one_doubling():
    found = fit({1: 100.0, 2: 190.0})
    assert unknown(found, 1, 2, 3, 4, 8, 64) == [None] * 4 + ["two_points"] * 2
    assert [x.world_size for x in reached(found.forecast(default_sizes(found.points)))] == [4]


def test_two_world_sizes_carry_no_boundary_that_nobody_measured():
    assert unknown(fit({1: 100.0, 2: 190.0}, workers_per_node=2), 4) == ["two_points"]
    assert unknown(fit({1: 100.0, 2: 190.0}, workers_per_node=1), 4) == [None]


def test_more_world_sizes_carry_a_boundary_with_its_interval():
    found = fit({1: 100.0, 2: 198.0, 4: 392.0}, workers_per_node=4)
    (row,) = found.forecast((8,))
    assert row.crosses_boundary
    assert row.unknown is None


def test_a_forecast_ends_where_its_interval_says_nothing():
    found = fit({1: 1.607, 2: 3.163, 4: 6.115, 8: 1.949})
    rows = found.forecast((16, 32, 64))
    assert [x.unknown for x in rows][-1] == "wide"
    for x in rows:
        assert (x.unknown == "wide") == is_wide(x.throughput)
    assert len(reached(rows)) < 3


def test_the_reach_does_not_depend_on_the_level_that_is_shown():
    found = fit({1: 1.607, 2: 3.163, 4: 6.115, 8: 1.949})
    for level in (0.5, 0.8, 0.999):
        rows = found.forecast((8, 16, 32, 64), level)
        assert [x.unknown for x in rows] == unknown(found, 8, 16, 32, 64)


def test_noise_alone_can_end_a_forecast():
    curve = {1: 100.0, 2: 190.0, 4: 360.0}
    assert unknown(fit(curve, sd=0.01), 8) == [None]
    assert unknown(fit(curve, sd=0.8), 8) == ["wide"]


@pytest.mark.parametrize(
    ("low", "high", "wide"),
    [(40, 290, False), (30, 110, True), (90, 310, True), (0, 110, True), (90, math.inf, True)],
)
def test_an_interval_is_wide_if_one_side_is(low, high, wide):
    assert MAX_SPREAD == 3
    assert is_wide(Estimate(100, low, high)) is wide


def test_a_parameter_whose_interval_says_nothing_has_none():
    assert parameter_told(Estimate(1.0, 0.5, 2.0)) == Estimate(1.0, 0.5, 2.0)
    assert parameter_told(Estimate(1.0, 0.1, 1e9)) == Estimate(1.0)
    assert parameter_told(Estimate(1e-9, 0.0, 0.01)) == Estimate(1e-9, 0.0, 0.01)
    assert parameter_told(Estimate(1.0)) == Estimate(1.0)
