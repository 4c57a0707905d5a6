import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.laws.law import fit_law
from ray_bench.analysis.laws.status import FitStatus
from ray_bench.analysis.throughput import log_means, pooled
from ray_bench.errors import InsufficientPointsError

SIZES = (1, 2, 4, 8)


def amdahl_data(a, c, sizes=SIZES, variance=None, batch=128):
    df = None if variance is None else 8.0
    source = "none" if variance is None else "repeats"
    return {n: LogEstimate(math.log(batch / (a + c / n)), variance, df, 3, source) for n in sizes}


@given(st.floats(1e-4, 1), st.floats(1e-4, 1), st.sampled_from([(1, 2, 4, 8), (2, 3, 6), (4, 16)]))
def test_fit_of_amdahl_returns_the_parameters(a, c, sizes):
    law = fit_law(amdahl_data(a, c, sizes), "strong", 128)
    assert law.fit.parameters == pytest.approx([a, c], rel=1e-6)
    assert law.serial_frac.value == pytest.approx(a / (a + c), rel=1e-6)


@given(st.floats(1, 1e5), st.floats(1, 1e5))
def test_fit_of_gustafson_returns_the_parameters(a, c):
    data = {n: LogEstimate(math.log(a + c * n), None, None, 1, "none") for n in SIZES}
    assert fit_law(data, "weak", 32).fit.parameters == pytest.approx([a, c], rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.005, 0.5), st.floats(1e-7, 1e-4))
def test_intervals_widen_with_distance(s, variance):
    law = fit_law(amdahl_data(s, 1 - s, variance=variance), "strong", 128)
    widths = []
    for n in (16, 32, 64):
        found = law.speedup(n)
        widths.append(math.log(found.high / found.low))
    assert widths == sorted(widths)


def test_speedup_is_against_the_laws_own_baseline():
    law = fit_law(amdahl_data(0.05, 0.95, (2, 4, 8)), "strong", 128)
    assert law.baseline == 2
    assert law.speedup(16).value == pytest.approx((0.05 + 0.95 / 2) / (0.05 + 0.95 / 16))


def test_two_world_sizes_do_not_test_the_law():
    law = fit_law(amdahl_data(0.05, 0.95, (1, 2), variance=1e-5), "strong", 128)
    assert law.fit.status is FitStatus.UNDERDETERMINED
    assert "not tested" in law.fit.status.value
    assert law.fit.misfit_probability is None


def test_superlinear_data_are_at_the_bound():
    data = {n: LogEstimate(math.log(n**1.1), 1e-5, 8.0, 3, "repeats") for n in SIZES}
    law = fit_law(data, "strong", 128)
    assert law.fit.status is FitStatus.AT_BOUND
    assert law.fit.bound == 0
    assert law.serial_frac.value == 0


def test_falling_throughput_is_at_the_other_bound():
    data = {n: LogEstimate(-math.log(n), 1e-5, 8.0, 3, "repeats") for n in SIZES}
    law = fit_law(data, "strong", 128)
    assert (law.fit.status, law.fit.bound) == (FitStatus.AT_BOUND, 1)
    assert law.fit.is_misfit


def test_no_variance_no_interval():
    law = fit_law(amdahl_data(0.05, 0.95), "strong", 128)
    assert law.fit.status is FitStatus.CONVERGED
    assert law.speedup(16).low is None


def test_one_world_size_is_too_few():
    with pytest.raises(InsufficientPointsError, match="got 1"):
        fit_law(amdahl_data(0.05, 0.95, (1,)), "strong", 128)


def test_fit_is_repeatable():
    data = amdahl_data(0.05, 0.95, variance=1e-5)
    assert fit_law(data, "strong", 128).speedup(64) == fit_law(data, "strong", 128).speedup(64)


def test_prediction_interval_covers_a_new_run():
    """Three runs each at 1,2,4,8 workers, 1 % noise; a new run at 32: 500 sweeps."""
    rng = np.random.default_rng(3)
    step_s = np.array([0.05 + 0.95 / n for n in SIZES])
    hits = []
    for _ in range(500):
        runs = 128 / step_s[:, None] * np.exp(0.01 * rng.standard_normal((4, 3)))
        data = pooled(dict(zip(SIZES, log_means(list(runs)), strict=True)))
        new = 128 / (0.05 + 0.95 / 32) * math.exp(0.01 * rng.standard_normal())
        hits.append(fit_law(data, "strong", 128).throughput(32).contains(new))
    assert 0.92 <= np.mean(hits) <= 0.98


def test_every_status_says_what_to_try():
    assert all(status.value.endswith(".") for status in FitStatus)
