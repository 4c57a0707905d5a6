"""Choice by prediction error, honest intervals, and the serial share as a statistic."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import TRUTHS, forecast_coverage, law_coverage
from ray_bench.analysis.decision.draws import predicted_draws
from ray_bench.analysis.fit.boundary import num_bytes, rate, with_link
from ray_bench.analysis.fit.drift import Drift
from ray_bench.analysis.fit.forecast import default_sizes, fit_curve
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.measured import measured_curve
from ray_bench.analysis.fit.peak import peak_of
from ray_bench.analysis.fit.points import MAX_POINTS, points_of
from ray_bench.analysis.fit.serial import serial_law
from ray_bench.analysis.fit.warnings import warnings_of
from ray_bench.analysis.laws import amdahl, ideal, usl
from ray_bench.analysis.laws.place import Place
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.errors import ConfigError, InsufficientPointsError
from ray_bench.stats.log_estimate import LogEstimate

#: DLPerf, PyTorch ResNet-50 with 8 loader processes a node: the input of a node has a ceiling.
LOADER_BOUND = {1: 306.35, 4: 1079.19, 8: 1070.37, 16: 2093.53, 32: 4119.84}
#: PyTorch issue 17159, BERT on nodes of 8: the second node is a cliff.
NODE_CLIFF = {1: 122.0, 2: 230.0, 4: 444.0, 8: 880.0, 16: 1280.0}
#: torchbench, ResNet-50 eager over nodes: nothing smooth.
RETROGRADE = {1: 0.00756, 2: 0.01062, 4: 0.01608, 8: 0.00338, 12: 0.00239, 16: 0.00269}
#: MLPerf 2.1, HPE XL675d: throughput and global batch; the system of 32 GPUs is an outlier.
HPE = {8: 27157.8, 16: 50459.3, 32: 58834.7, 64: 131499.4, 128: 366482.2}
HPE_BATCH = {8: 3264, 16: 3264, 32: 3264, 64: 3264, 128: 16384}


def points(curve, scaling="weak", workers_per_node=None, variance=None):
    source = "none" if variance is None else "repeats"
    df = None if variance is None else 8.0
    means = {n: LogEstimate(math.log(x), variance, df, 3, source) for n, x in curve.items()}
    return points_of(means, scaling, workers_per_node=workers_per_node)


def amdahl_curve(s, sizes=(1, 2, 4, 8, 16)):
    return {n: 100 * amdahl.speedup(s, n) for n in sizes}


def key(fit):
    return None if fit.chosen is None else fit.chosen.test.law.key


def kinds(fit, sizes=()):
    return [x.kind for x in warnings_of(fit, sizes)]


def relative_width(estimate):
    return math.log(estimate.high / estimate.low)


def test_a_planted_law_is_chosen():
    assert key(fit_curve(points(amdahl_curve(0.05), "strong"))) == "amdahl"
    weak = {n: 100 * n / (1 + 0.1 * math.log2(n)) for n in (1, 2, 4, 8, 16)}
    assert key(fit_curve(points(weak))) == "logarithmic"
    assert key(fit_curve(points({n: 100.0 * n for n in (1, 2, 4, 8)}))) == "constant_efficiency"


def test_a_law_with_as_many_parameters_as_points_is_refused():
    fit = fit_curve(points({1: 100.0, 2: 190.0, 4: 350.0}))
    tried = {x.test.law.key for x in fit.candidates}
    assert not {"ring", "usl3", "tree", "node_ceiling", "step"} & tried
    assert {x.key for x in fit.refused} == {"ring", "usl3", "tree", "node_ceiling", "step"}
    assert all(x.test.law.num_parameters < 3 for x in fit.candidates)


def test_two_points_test_no_law_and_say_so():
    fit = fit_curve(points({1: 100.0, 2: 190.0}))
    assert key(fit) in (None, "constant_efficiency")
    assert "two_points" in kinds(fit)
    (row,) = fit.forecast((8,))
    assert row.throughput.low < 760 * 0.8
    assert row.throughput.high > 760 * 0.9


def test_one_world_size_is_too_few():
    with pytest.raises(InsufficientPointsError, match="got 1"):
        points({4: 100.0})


def test_a_node_that_gives_no_more_is_a_plateau():
    fit = fit_curve(points(LOADER_BOUND, workers_per_node=8))
    assert key(fit) == "node_ceiling"
    assert [(x.trouble, x.world_size) for x in fit.spoilers] == [("plateau", 8)]
    (row,) = fit.forecast((64,))
    assert row.throughput.value == pytest.approx(8240, rel=0.02)


def test_a_second_node_is_a_cliff():
    fit = fit_curve(points(NODE_CLIFF, workers_per_node=8))
    assert [(x.trouble, x.before, x.world_size) for x in fit.spoilers] == [("cliff", 8, 16)]
    assert not fit.crosses_boundary(64)


def test_no_law_fits_and_the_cliff_is_named():
    fit = fit_curve(points(RETROGRADE))
    assert fit.chosen is None
    assert ("cliff", 8) in [(x.trouble, x.world_size) for x in fit.spoilers]
    assert kinds(fit)[0] == "no_law_fits"


def test_where_throughput_fell_and_no_law_fits_no_gain_is_forecast():
    fallen = {n: x for n, x in RETROGRADE.items() if n <= 8}
    fit = fit_curve(points(fallen))
    assert kinds(fit)[0] == "falling"
    for row in fit.forecast((12, 16, 64)):
        assert row.throughput.low < row.throughput.value <= fallen[8] * (1 + 1e-9)
        assert row.throughput.high > fallen[8]
    draws = predicted_draws(fit, (12, 16), np.full(1000, math.log(fallen[8])), 0.01)
    assert np.median(draws) <= math.log(fallen[8]) + 0.1


def test_a_fall_that_is_noise_does_not_hold_the_forecast_back():
    fallen = {n: x for n, x in RETROGRADE.items() if n <= 8}
    for last, is_falling in ((0.997, False), (0.9, True)):  # the noise of a point is taken as 1 %
        fit = fit_curve(points({**fallen, 12: last * fallen[8]}))
        assert fit.chosen is None
        assert fit.is_falling is is_falling


def test_coherency_does_not_run_away_beyond_the_data():
    """The law would fall to a third of its peak; on its tangent throughput levels off."""
    law = usl.Usl(gamma=100, sigma=0.02, kappa=0.002)
    curve = {n: float(law.throughput(n)) for n in (1, 2, 4, 8, 16)}
    fit = fit_curve(points(curve, variance=1e-6))
    assert key(fit) == "usl3"
    inside, *beyond = fit.forecast((16, 32, 64, 128))
    assert inside.throughput.value == pytest.approx(curve[16], rel=0.01)
    rates = [x.throughput.value for x in beyond]
    assert rates == sorted(rates)
    assert rates[-1] < 2 * curve[16]
    assert beyond[-1].throughput.low < law.throughput(128) * 1.2  # a fall is not excluded either


def test_the_tangent_of_coherency_touches_the_law():
    law = usl.USL3
    coefficients = np.array([[1.0, 0.02, 0.002]])
    place = Place(world_size=np.array([8.0, 16.0, 16.001, 32.0]), batch_share=np.ones(4))
    plain = law.log_cost(coefficients, place)[0]
    held = law.log_cost(coefficients, replace(place, largest=16.0))[0]
    assert held[:2] == pytest.approx(plain[:2], rel=1e-12)
    assert held[2] == pytest.approx(plain[2], rel=1e-7)
    assert np.exp(plain[3]) - np.exp(held[3]) == pytest.approx(0.002 * 16**2)


@pytest.mark.parametrize("share", [0.7, 0.4])
def test_a_drop_that_happened_once_is_not_extrapolated(share):
    after = {n: 100 * n * (1.0 if n < 4 else share) for n in (1, 2, 4, 8, 16)}
    for row in fit_curve(points(after)).forecast((32, 64, 128)):
        assert row.throughput.value == pytest.approx(100 * share * row.world_size, rel=0.02)


#: Network laboratory: a strong ladder of 1, 2 and 3 hosts, and what 4 hosts then gave.
HOSTS, FOUR_HOSTS = {1: 199.9, 2: 295.0, 3: 333.0}, 303.0


@pytest.mark.parametrize("workers_per_node", [1, None])
def test_three_points_do_not_exclude_a_fall_of_the_next(workers_per_node):
    found = points(HOSTS, "strong", workers_per_node=workers_per_node, variance=1e-5)
    rate = fit_curve(found).forecast((4,))[0].throughput
    assert rate.contains(FOUR_HOSTS)
    assert rate.high / rate.low < 2


def test_a_batch_that_is_not_known_widens_the_forecast():
    means = {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in HPE.items()}
    del means[32]
    batch = {n: b / n for n, b in HPE_BATCH.items() if n != 32}
    found = points_of(means, "strong", batch_per_worker=batch)
    unknown = fit_curve(found).forecast((256,))[0].throughput
    there = found.at([256])
    stated = found.with_batch(256 * there.batch_share[0])
    known = fit_curve(stated).forecast((256,))[0].throughput
    assert "mixed_batch" in kinds(fit_curve(found), (256,))
    assert known.value == pytest.approx(unknown.value)
    assert relative_width(unknown) > relative_width(known)
    assert stated.at([256, 512]).batch_share == pytest.approx(
        there.batch_share[0] / np.array([1, 2])
    )


def test_a_law_that_fits_may_fall():
    falling_law = {n: n / (1 + 0.05 * (n - 1) + 0.02 * n * (n - 1)) for n in (1, 2, 4, 8, 12, 16)}
    assert not fit_curve(points(falling_law)).is_falling


def test_an_outlier_is_named():
    curve = amdahl_curve(0.02, (1, 2, 4, 8, 16, 32))
    curve[8] *= 1.6
    fit = fit_curve(points(curve, "strong"))
    assert fit.chosen is None
    assert ("outlier", 8) in [(x.trouble, x.world_size) for x in fit.spoilers]


def test_the_outlier_of_the_hpe_series_is_32_gpus():
    means = {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in HPE.items()}
    batch = {n: b / n for n, b in HPE_BATCH.items()}
    found = points_of(means, "strong", batch_per_worker=batch)
    assert found.mode == "mixed"
    fit = fit_curve(found)
    assert 32 in [x.world_size for x in fit.spoilers]


def test_a_boundary_that_nobody_measured_is_said_and_widens():
    inside = {1: 100.0, 2: 198.0, 4: 392.0, 8: 775.0}
    known = fit_curve(points(inside, workers_per_node=8))
    unknown = fit_curve(points(inside))
    (wide,), (narrow,) = known.forecast((16,)), unknown.forecast((16,))
    assert wide.crosses_boundary
    assert not narrow.crosses_boundary
    assert relative_width(wide.throughput) > 2 * relative_width(narrow.throughput)
    assert "no_inter_node" in kinds(known, (16,))
    assert "unknown_node" in kinds(unknown, (16,))
    assert "no_inter_node" not in kinds(known, (8,))


def test_a_stated_link_takes_the_place_of_a_measurement():
    inside = {1: 100.0, 2: 198.0, 4: 392.0, 8: 775.0}
    found = points(inside, workers_per_node=8)
    fast = with_link(Drift(), rate("400Gbps"), num_bytes("100MB"), 0.1)
    slow = with_link(Drift(), rate("10Gbit/s"), num_bytes("100MB"), 0.1)
    rows = [fit_curve(found, drift).forecast((16,))[0] for drift in (Drift(), fast, slow)]
    plain, quick, late = (x.throughput for x in rows)
    assert relative_width(quick) < relative_width(plain)
    assert kinds(fit_curve(found, fast), (16,)).count("stated_link") == 1
    assert late.value < quick.value
    # 2 x 100 MB over 1.25 GB/s are 160 ms beside a step of 100 ms: 2.6 times as long at most.
    assert late.low < 16 * 100 / 2.6 < late.high


@pytest.mark.parametrize("text", ["25", "fast", "0Gbps", "1.2.3Gbps"])
def test_a_bandwidth_that_cannot_be_read(text):
    with pytest.raises(ConfigError, match="25Gbps"):
        rate(text)


def test_units_of_size():
    assert num_bytes("97.5MiB") == 97.5 * 2**20
    assert num_bytes("2GB") == 2e9
    assert rate("3GB/s") == 3e9
    assert rate("8kbps") == 1000


@settings(deadline=None, max_examples=25)
@given(st.floats(0.0, 0.3), st.sampled_from([(1, 2, 4, 8), (4, 8, 16, 32), (1, 2, 3, 4, 6, 8)]))
def test_intervals_widen_with_the_distance(s, sizes):
    fit = fit_curve(points(amdahl_curve(s, sizes), "strong", variance=1e-5))
    rows = fit.forecast(tuple(max(sizes) * 2**i for i in range(1, 6)))
    widths = [relative_width(x.throughput) for x in rows]
    assert widths == sorted(widths)
    for row in rows:
        assert row.throughput.low <= row.throughput.value <= row.throughput.high


@settings(deadline=None, max_examples=25)
@given(st.floats(1e-6, 1e9), st.floats(0.0, 0.3))
def test_the_unit_of_throughput_does_not_matter(factor, s):
    curve = amdahl_curve(s)
    plain = fit_curve(points(curve))
    scaled = fit_curve(points({n: x * factor for n, x in curve.items()}))
    assert key(plain) == key(scaled)
    for one, other in zip(plain.forecast((32,)), scaled.forecast((32,)), strict=True):
        for a, b in (
            (one.throughput.value, other.throughput.value),
            (one.throughput.low, other.throughput.low),
            (one.throughput.high, other.throughput.high),
        ):
            assert b == pytest.approx(a * factor, rel=1e-4)
        assert other.speedup.value == pytest.approx(one.speedup.value, rel=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.sampled_from([3, 6]))
def test_more_data_never_widen_the_interval_by_much(seed, extra):
    """A world size inside the range, on the curve up to its noise."""
    rng = np.random.default_rng(seed)
    truth = {n: 100 * amdahl.speedup(0.05, n) for n in (1, 2, 4, 8, 3, 6)}
    noisy = {n: x * math.exp(0.005 * rng.standard_normal()) for n, x in truth.items()}
    few = {n: noisy[n] for n in (1, 2, 4, 8)}
    more = {**few, extra: noisy[extra]}
    widths = [
        relative_width(
            fit_curve(points(x, "strong", variance=2.5e-5)).forecast((16,))[0].throughput
        )
        for x in (few, more)
    ]
    assert widths[1] <= 1.5 * widths[0]


def test_step_times_and_throughputs_say_the_same():
    seconds = {1: [0.1], 2: [0.104], 4: [0.11], 8: [0.115]}
    by_time = measured_curve(seconds, "step_time_s", "weak")
    rates = {n: [32 * n / t for t in x] for n, x in seconds.items()}
    by_rate = measured_curve(rates, "throughput", "weak")
    one, other = (fit_curve(x.points).forecast((16,))[0] for x in (by_time, by_rate))
    assert other.throughput.value == pytest.approx(32 * one.throughput.value)
    assert one.speedup.value == pytest.approx(other.speedup.value)
    assert by_time.seconds == pytest.approx(0.1)


def test_world_sizes_need_not_start_at_1():
    curve = {8: 2962.7, 16: 5886.1, 32: 11705.9, 64: 23317.9}
    fit = fit_curve(points(curve, workers_per_node=8))
    assert default_sizes(fit.points) == (128, 256, 512)
    row = fit.forecast((128,))[0]
    assert row.efficiency.value == pytest.approx(0.98, abs=0.01)
    assert row.speedup.value == pytest.approx(row.throughput.value / 2962.7)
    (back,) = fit.forecast((4,))
    assert back.is_extrapolated
    assert back.throughput.value == pytest.approx(1490, rel=0.03)


def test_the_level_of_the_interval_is_that_asked_for():
    fit = fit_curve(points(amdahl_curve(0.05), "strong"))
    widths = [relative_width(fit.forecast((32,), x)[0].throughput) for x in (0.5, 0.9, 0.99)]
    assert widths == sorted(widths)
    assert widths[0] < widths[2] / 3


def test_very_many_world_sizes_are_joined():
    curve = {n: 100 * amdahl.speedup(0.001, n) for n in range(1, 10_001)}
    found = points(curve, "strong")
    assert len(found) <= MAX_POINTS
    assert found.place.world_size[[0, -1]] == pytest.approx([1, 10_000])
    row = fit_curve(found).forecast((20_000,))[0]
    assert row.throughput.value == pytest.approx(100 * amdahl.speedup(0.001, 20_000), rel=0.03)


def test_a_peak_comes_with_its_interval_or_not_at_all():
    law = usl.Usl(gamma=100, sigma=0.02, kappa=0.0005)
    curve = {n: float(law.throughput(n)) for n in (1, 2, 4, 8)}
    loose = peak_of(fit_law(usl.USL3, points(curve, variance=1e-4)), 0.95)
    assert loose.value == pytest.approx(law.peak, rel=1e-3)
    assert loose.high == math.inf
    far = {n: float(law.throughput(n)) for n in (1, 8, 32, 64, 128)}
    tight = peak_of(fit_law(usl.USL3, points(far, variance=1e-5)), 0.95)
    assert tight.high / tight.low < 1.1
    assert peak_of(fit_law(usl.USL3, points({1: 1.0, 2: 1.9, 4: 3.5})), 0.95) is None


# The serial share, a statistic.


@given(st.floats(0.001, 0.9), st.sampled_from([(1, 2, 4, 8), (2, 3, 6), (4, 16)]))
def test_the_serial_share_of_amdahl(s, sizes):
    law = serial_law(points(amdahl_curve(s, sizes), "strong"))
    assert law.name == "Amdahl"
    assert law.serial_frac.value == pytest.approx(s, rel=1e-6)
    expected = amdahl.speedup(s, 32) / amdahl.speedup(s, min(sizes))
    assert law.speedup(32).value == pytest.approx(expected, rel=1e-6)


def test_falling_throughput_is_at_the_bound_and_a_misfit():
    law = serial_law(points({n: 1 / n for n in (1, 2, 4, 8)}, "strong", variance=1e-5))
    assert law.fit.status is FitStatus.AT_BOUND
    assert law.fit.is_misfit


def test_two_world_sizes_do_not_test_the_law():
    law = serial_law(points(amdahl_curve(0.05, (1, 2)), "strong", variance=1e-5))
    assert law.fit.status is FitStatus.UNDERDETERMINED
    assert law.fit.misfit_probability is None


def test_a_fit_is_repeatable():
    found = points(amdahl_curve(0.05), "strong", variance=1e-5)
    assert fit_law(amdahl.LAW, found).throughput(64) == fit_law(amdahl.LAW, found).throughput(64)


def test_one_parameter_needs_no_warning():
    assert fit_law(ideal.LAW, points({1: 1.0, 2: 2.0})).status is FitStatus.CONVERGED


# Coverage. benchmarks/coverage.py is the long version.


def binomial_band(num, probability=0.95, sigmas=3.5):
    return sigmas * math.sqrt(probability * (1 - probability) / num)


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("truth", [TRUTHS[0], TRUTHS[2]], ids=["amdahl", "usl2"])
def test_intervals_of_a_law_that_is_right_cover(truth, noise):
    num = 150
    for row in law_coverage(*truth, noise, num):
        assert abs(row.coverage - 0.95) < binomial_band(num), row


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("truth", TRUTHS, ids=[x[0].key for x in TRUTHS])
def test_intervals_of_all_laws_cover_93_to_97_percent(truth, noise):
    for row in law_coverage(*truth, noise, 2000):
        assert 0.93 <= row.coverage <= 0.97, row


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_forecasts_cover_truths_that_drift(noise):
    for row in forecast_coverage(noise, 300):
        assert row.coverage >= 0.93 - binomial_band(300, sigmas=1), row
