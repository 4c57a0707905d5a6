"""Shapes of a curve: what is a cliff and what is only a gap, an outlier, or a slip of units."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_bench.analysis.fit.forecast import fit_curve
from ray_bench.analysis.fit.points import points_of
from ray_bench.analysis.fit.shapes import spoilers
from ray_bench.analysis.fit.slip import slips
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.stats.log_estimate import LogEstimate


def points(curve, scaling="weak", workers_per_node=None, batch=None):
    means = {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in curve.items()}
    return points_of(means, scaling, workers_per_node=workers_per_node, batch_per_worker=batch)


def shapes(curve, **more):
    return [(x.trouble, x.before, x.world_size) for x in fit_curve(points(curve, **more)).spoilers]


#: Nothing stands out of these.
PLAIN = {
    "a power law with a gap of three doublings": {1: 5, 8: 25.3151, 16: 43.4694, 32: 74.6426},
    "the same with all doublings": {n: 5 * n**0.78 for n in (1, 2, 4, 8, 16, 32)},
    "Faster R-CNN, published": {1: 5, 8: 25, 16: 41, 32: 80},
    "one gap and nothing to compare it with": {1: 40.56, 4: 92.09},
    "Amdahl with a gap": {n: n / (1 + 0.2 * (n - 1)) for n in (1, 16, 32)},
    "growing communication": {n: n / (1 + 0.3 * math.log2(n)) for n in (1, 2, 4, 8, 16)},
    "coherency, which grows fastest of all": {1: 100, 2: 180, 4: 240},
    "a gap after a doubling": {2: 100, 4: 195, 16: 400},
}


@pytest.mark.parametrize("case", PLAIN)
@pytest.mark.parametrize("workers_per_node", [None, 8])
def test_a_gap_between_world_sizes_is_no_cliff(case, workers_per_node):
    assert shapes(PLAIN[case], workers_per_node=workers_per_node) == []


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0.3, 1.0),
    st.sets(st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64]), min_size=2),
)
def test_a_power_law_has_no_cliff_whatever_was_measured_of_it(exponent, sizes):
    found = spoilers((), points({n: 100 * n**exponent for n in sorted(sizes)}))
    assert found == ()


@pytest.mark.parametrize(
    ("curve", "found"),
    [
        ({1: 1.607, 2: 3.163, 4: 6.115, 8: 1.949}, ("cliff", 4, 8)),
        ({1: 400, 2: 790, 4: 1580, 8: 1790}, ("cliff", 4, 8)),
        ({1: 461, 2: 630, 4: 697, 8: 679}, ("plateau", 4, 8)),
        ({1: 100, 2: 190, 4: 195, 8: 199}, ("plateau", 2, 8)),
        ({1: 100, 2: 200, 4: 400, 8: 392, 16: 390}, ("plateau", 4, 16)),
        ({n: n / (1 + (n - 1) / n) for n in (1, 2, 4, 8, 16)}, ("first_step", 1, 2)),
        ({1: 100, 2: 198, 4: 390, 8: 400, 16: 1500}, ("outlier", 4, 8)),
        ({1: 100, 2: 198, 4: 600, 8: 760, 16: 1500}, ("outlier", 2, 4)),
    ],
)
def test_shapes_are_told_apart(curve, found):
    assert found in shapes(curve)
    assert len(shapes(curve)) == 1


def test_a_smooth_fall_is_a_fall_and_no_cliff():
    curve = {n: n / (1 + 0.02 * (n - 1) + 0.01 * n * (n - 1)) for n in (1, 2, 4, 8, 16, 32)}
    assert shapes(curve) == [("fall", 8, 16), ("fall", 16, 32)]


def test_an_outlier_says_how_far_it_is_off_the_line_between_its_neighbours():
    (low,) = fit_curve(points({1: 100, 2: 200, 4: 400, 8: 400, 16: 1600})).spoilers
    (high,) = fit_curve(points({1: 100, 2: 200, 4: 800, 8: 800, 16: 1600})).spoilers
    assert low.change == pytest.approx(-0.5)
    assert high.change == pytest.approx(1.0)


def test_a_larger_batch_later_on_is_no_recovery():
    curve = {8: 800, 16: 1600, 32: 1700, 64: 6400}
    same = fit_curve(points(curve, batch={8: 32, 16: 30, 32: 15, 64: 15})).spoilers
    larger = fit_curve(points(curve, batch={8: 32, 16: 30, 32: 15, 64: 60})).spoilers
    assert [x.trouble for x in same] == ["outlier"]
    assert [x.trouble for x in larger] == ["plateau"]


@pytest.mark.parametrize(("held", "nodes"), [(None, None), (8, (1, 2)), (16, (1, 1)), (4, (2, 4))])
def test_a_cliff_knows_the_nodes_as_far_as_they_are_stated(held, nodes):
    curve = {1: 122.0, 2: 230.0, 4: 444.0, 8: 880.0, 16: 1280.0}
    (cliff,) = fit_curve(points(curve, workers_per_node=held)).spoilers
    assert (cliff.trouble, cliff.nodes) == ("cliff", nodes)


def test_two_points_have_no_outlier():
    assert shapes({1: 1 / 27, 2: 3 / 27}) == []


def test_the_end_of_a_curve_is_an_outlier_only_with_a_doubt():
    curve = {n: n / (1 + 0.02 * (n - 1)) for n in (1, 2, 4, 8, 16)}
    (last,) = fit_curve(points({**curve, 16: 2.5 * curve[16]})).spoilers
    assert (last.trouble, last.world_size, last.is_end) == ("outlier", 16, True)


# Slips of units.


@pytest.mark.parametrize("factor", [10, 60, 100, 1000])
@pytest.mark.parametrize("is_larger", [True, False])
def test_a_factor_between_neighbours_is_a_slip(factor, is_larger):
    scale = factor if is_larger else 1 / factor
    (found,) = slips([1, 2, 4, 8], [363.25, 690.1, 1302 * scale, 2411 * scale])
    assert (found.before, found.world_sizes) == (2, (4, 8))
    assert (found.factor, found.is_larger) == (factor, is_larger)
    (one,) = slips([1, 2, 4, 8], [363.25, 690.1, 1302 * scale, 2411])
    assert one.world_sizes == (4,)


@pytest.mark.parametrize(
    "rates",
    [
        [1.607, 3.163, 6.115, 1.949],  # a collapse to a third
        [0.00756, 0.01062, 0.01608, 0.00338],  # to a fifth; ten times as much would be too fast
        [100, 198, 390, 42],  # ten times as much would be a sudden plateau
        [100, 190, 195, 199],
        [100, 250, 600, 1500],
        [100, 12],
        [100],
    ],
)
def test_a_collapse_or_a_gain_is_no_slip(rates):
    assert slips([2**i for i in range(len(rates))], rates) == ()


def test_two_points_alone_may_be_a_slip():
    (found,) = slips([1, 2], [1200.0, 2.3])
    assert (found.factor, found.is_larger) == (1000, False)


@given(st.floats(1e-9, 1e9), st.lists(st.floats(0.05, 20), min_size=1, max_size=6))
def test_the_unit_of_all_does_not_matter(unit, steps):
    rates = [1.0]
    for step in steps:
        rates.append(rates[-1] * step)
    sizes = [2**i for i in range(len(rates))]
    plain, scaled = slips(sizes, rates), slips(sizes, [x * unit for x in rates])
    assert [(x.world_sizes, x.factor) for x in plain] == [(x.world_sizes, x.factor) for x in scaled]


def test_with_a_slip_nothing_is_forecast_and_nothing_else_is_said():
    fit = fit_curve(points({1: 363.25, 2: 690.1, 4: 1.302, 8: 2.411}))
    assert fit.chosen is None
    assert fit.spoilers == ()
    assert [x.kind for x in warnings_of(fit, (16, 32))] == ["slip"]
    assert {x.unknown for x in fit.forecast((2, 16, 64))} == {"slip"}
