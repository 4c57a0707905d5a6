"""What a decision is made of: joint draws, Pareto front, next measurement."""

import math

import numpy as np
import pytest
from hypothesis import given

from ray_bench.analysis.curve import Curve, curve_of
from ray_bench.analysis.decision.aim import Aim
from ray_bench.analysis.decision.draws import measured_draws
from ray_bench.analysis.decision.front import front, pareto
from ray_bench.analysis.decision.next_run import next_run, outcomes
from ray_bench.analysis.decision.options import product
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate
from tests.analysis.decisions import SIZES, field_of, rates
from tests.synthetic import synthetic


def test_draws_have_the_intervals_of_the_estimates():
    curve = Curve(
        throughput={
            1: LogEstimate(math.log(100), 1e-4, 4, 5, "repeats"),
            2: LogEstimate(math.log(190), 4e-4, 9, 10, "repeats"),
        }
    )
    draws = np.exp(measured_draws(curve, 100_000))
    for k, n in enumerate(curve.sizes):
        expected = curve.throughput[n].estimate
        low, high = np.quantile(draws[:, k], [0.025, 0.975])
        assert (low, high) == pytest.approx((expected.low, expected.high), rel=0.003)


def test_draws_of_a_ladder_keep_what_rounds_have_in_common():
    results = synthetic(ladder=True, repeats=8, noise=0.003)
    drift = np.exp(0.1 * np.arange(8))
    runs = [_with(run, run.throughput_samples_per_s * drift[run.repeat]) for run in results.runs]
    curve = curve_of(runs, {})
    draws = measured_draws(curve, 50_000)
    ratio = np.exp(draws[:, 3] - draws[:, 0])
    expected = curve.ratio(8, 1).estimate
    low, high = np.quantile(ratio, [0.025, 0.975])
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=0.003)
    assert np.std(draws[:, 0]) > 10 * np.std(draws[:, 3] - draws[:, 0])


def _with(run, rate):
    from dataclasses import replace

    return replace(run, throughput_samples_per_s=float(rate))


def test_without_an_interval_there_are_no_draws():
    curve = Curve(throughput={1: LogEstimate(0.0, None, None, 1, "none")})
    assert measured_draws(curve) is None


@given(rates)
def test_no_world_size_beats_one_on_the_front(values):
    time = [1 / x for x in values]
    money = [n / x for n, x in zip(SIZES, values, strict=True)]
    kept = pareto(time, money)
    for i in range(4):
        beaten = any(
            time[j] <= time[i]
            and money[j] <= money[i]
            and (time[j], money[j]) != (time[i], money[i])
            for j in range(4)
        )
        assert (i in kept) == (not beaten) or (time[i], money[i]) in [
            (time[j], money[j]) for j in kept
        ]
    assert [time[i] for i in kept] == sorted((time[i] for i in kept), reverse=True)


def test_a_saved_second_is_paid_with_the_worker_seconds_between_neighbours():
    points = front(field_of([1.0, 1.5, 1.4, 4.0], samples=600.0))
    assert [x.world_size for x in points] == [1, 2, 8]
    # 600 s with 1 worker, 400 s with 2: 200 worker-seconds for 200 s.
    assert points[1].worker_s_per_s.value == pytest.approx(1.0)
    assert points[2].worker_s_per_s.value == pytest.approx((8 * 150 - 2 * 400) / (400 - 150))


def test_a_saving_that_is_not_shown_has_no_interval():
    wide = front(field_of([1.0, 1.05], 0.1))[1]
    sure = front(field_of([1.0, 1.5], 0.01))[1]
    assert wide.worker_s_per_s.low is None
    assert sure.worker_s_per_s.low < sure.worker_s_per_s.value < sure.worker_s_per_s.high


def next_of(field, aim, sd, seconds=(60.0, 60.0)):
    from ray_bench.analysis.decision.choose import winners

    return next_run(field.sizes, outcomes(field.draws, sd), winners(field, aim), seconds)


def test_the_uncertain_world_size_is_the_one_to_measure():
    field = field_of([1.0, 1.02], num_draws=10_000)
    field.draws[:, 1] += 0.05 * np.random.default_rng(5).standard_normal(10_000)
    found = next_of(field, Aim("fastest"), (0.001, 0.001))
    assert (found.world_size, found.alternative) == (2, 1)
    # Perfect knowledge would end the doubt: 1 - Phi(0.02 / 0.05) = 0.34 of the time it is 1 worker.
    assert found.gain == pytest.approx(0.34, abs=0.03)


def test_a_noisy_run_is_worth_less():
    field = field_of([1.0, 1.02], 0.03, num_draws=10_000)
    gains = [next_of(field, Aim("fastest"), (sd, sd)).gain for sd in (0.001, 0.03)]
    assert gains[0] > gains[1] > 0


def test_where_nothing_is_in_doubt_nothing_is_worth_measuring():
    assert next_of(field_of([1.0, 1.5], 0.01), Aim("fastest"), (0.01, 0.01)) is None


def test_a_dear_measurement_gives_way_to_a_cheap_one():
    field = field_of([1.0, 1.0], 0.03, num_draws=10_000)
    sd = (0.001, 0.001)
    assert next_of(field, Aim("fastest"), sd, (60.0, 600.0)).world_size == 1
    assert next_of(field, Aim("fastest"), sd, (600.0, 60.0)).world_size == 2


def test_log_half_widths_of_a_product_add_in_quadrature():
    found = product(Estimate(2.0, 1.0, 4.0), Estimate(3.0, 3.0, 3.0))
    assert (found.value, found.low, found.high) == pytest.approx((6.0, 3.0, 12.0))
    assert product(Estimate(2.0), Estimate(3.0, 2.0, 4.0)) == Estimate(6.0)
