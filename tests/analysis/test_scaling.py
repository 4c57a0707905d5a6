import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.laws import amdahl, gustafson
from ray_bench.analysis.scaling import gustafson_serial_frac, karp_flatt, scaling_rows
from ray_bench.analysis.times import change
from ray_bench.stats.log_estimate import LogEstimate, log_means


def exact(values: dict[int, float]) -> Curve:
    points = {n: LogEstimate(math.log(x), None, None, 1, "none") for n, x in values.items()}
    return Curve(throughput=points)


serial = st.floats(0.001, 1)
sizes = st.floats(1.01, 4096)


@given(serial, sizes)
def test_karp_flatt_is_the_inverse_of_amdahl(s, n):
    assert karp_flatt(amdahl.speedup(s, n), n) == pytest.approx(s, abs=1e-9)


@given(serial, sizes)
def test_serial_share_is_the_inverse_of_gustafson(s, n):
    assert gustafson_serial_frac(gustafson.speedup(s, n), n) == pytest.approx(s, abs=1e-9)


@pytest.mark.parametrize(("size", "speedup"), [(2, 1.90), (4, 3.48), (8, 5.93), (16, 9.14)])
def test_amdahl_at_95_percent_parallel(size, speedup):
    assert round(amdahl.speedup(0.05, size), 2) == speedup


def test_time_saved_is_not_the_same_number_as_times_as_fast():
    found = change(218.5, 122.4)
    assert round(found.ratio.value, 2) == 1.79
    assert round(found.less_frac.value, 3) == 0.440


# NVIDIA DeepLearningExamples, MXNet ResNet-50 on a DGX A100, batch 256 per GPU, images/s; the
# efficiencies are the published 97.0 % (AMP) and 97.9 % (TF32).
NVIDIA_AMP = {1: 2180.0, 2: 4332.0, 4: 8587.0, 8: 16925.0}
NVIDIA_TF32 = {1: 1022.0, 2: 2032.0, 4: 4035.0, 8: 8001.0}


@pytest.mark.parametrize(
    ("table", "relative_step_times", "efficiency"),
    [
        (NVIDIA_AMP, (1, 1.0065, 1.0155, 1.0304), 0.970),
        (NVIDIA_TF32, (1, 1.0059, 1.0131, 1.0219), 0.979),
    ],
)
def test_published_digits(table, relative_step_times, efficiency):
    rows = scaling_rows(exact(table), "weak")
    found = [1 / row.efficiency_frac.value for row in rows]
    assert found == pytest.approx(relative_step_times, abs=6e-5)
    assert round(rows[-1].efficiency_frac.value, 3) == efficiency


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_speedup_does_not_depend_on_units(scale, x):
    one = scaling_rows(exact({1: 1.0, 4: x}), "strong")
    other = scaling_rows(exact({1: scale, 4: scale * x}), "strong")
    assert other[1].speedup.value == pytest.approx(one[1].speedup.value)
    assert other[1].efficiency_frac.value == pytest.approx(one[1].efficiency_frac.value)


def test_baseline_need_not_be_one_worker():
    rows = scaling_rows(exact({4: 100.0, 8: 180.0}), "strong")
    assert rows[1].ideal_speedup == 2
    assert rows[1].speedup.value == pytest.approx(1.8)
    assert rows[1].efficiency_frac.value == pytest.approx(0.9)
    assert rows[0].serial_frac is None


def test_no_interval_without_a_variance():
    row = scaling_rows(exact({1: 1.0, 2: 1.9}), "strong")[1]
    assert row.speedup.low is None
    assert row.serial_frac is not None
    assert row.serial_frac.low is None


def test_interval_of_the_serial_share_is_in_order():
    logs = log_means([[100, 101, 99], [180, 182, 178]])
    row = scaling_rows(Curve(throughput=dict(zip((1, 2), logs, strict=True))), "strong")[1]
    assert row.serial_frac is not None
    assert row.serial_frac.low < row.serial_frac.value < row.serial_frac.high


@pytest.mark.parametrize("function", [karp_flatt, gustafson_serial_frac])
def test_a_serial_share_needs_growth(function):
    with pytest.raises(ValueError, match="got 1"):
        function(1.0, 1)
