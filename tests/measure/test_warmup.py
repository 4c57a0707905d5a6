"""Warm-up ends when step times have settled, and not before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.warmup import Verdict, Warmup, is_settled


def steps_until_settled(durations_s) -> int | None:
    for done in range(11, len(durations_s) + 1):
        if is_settled(durations_s[:done]):
            return done
    return None


@given(st.floats(0.005, 0.2), st.integers(11, 200), st.floats(1e-3, 10))
def test_a_steady_trend_never_settles(fall_frac, num_steps, scale_s):
    """However slow the fall of the step times, as long as it is above the tolerance."""
    times = [scale_s * (1 - fall_frac) ** step for step in range(num_steps)]
    assert not is_settled(times)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1, 0.3])
def test_noise_without_a_trend_settles_soon(noise):
    rng = np.random.default_rng(0)
    needed = [
        steps_until_settled(list(0.1 * rng.lognormal(0, noise, size=100))) for _ in range(200)
    ]
    assert None not in needed
    assert np.median(needed) < 20
    assert np.quantile(needed, 0.99) < 60


def test_noise_of_a_shared_machine_settles_as_well():
    """First-order autocorrelation of 0.5, which medians of ten do not average out."""
    rng = np.random.default_rng(0)
    needed = []
    for _ in range(200):
        noise = rng.normal(0, 0.1, size=120)
        for step in range(1, 120):
            noise[step] += 0.5 * noise[step - 1]
        needed.append(steps_until_settled(list(np.exp(noise))))
    assert None not in needed
    assert np.quantile(needed, 0.95) < 40


def test_warm_up_that_decays_is_waited_for():
    """Twice the time at first, falling with a time constant of 15 steps, under 2 % noise."""
    rng = np.random.default_rng(0)
    left = []
    for _ in range(200):
        times = (1 + np.exp(-np.arange(200) / 15)) * rng.lognormal(0, 0.02, 200)
        needed = steps_until_settled(list(times))
        assert needed is not None
        left.append(np.exp(-needed / 15))
    assert np.median(left) < 0.05
    assert np.quantile(left, 0.95) < 0.10


def test_one_slow_step_does_not_make_a_trend_look_like_noise():
    times = [0.9**step for step in range(30)]
    times[25] *= 50
    assert not is_settled(times)


def test_steps_that_a_clock_made_negative_do_not_settle():
    assert not is_settled([-1.0] * 40)


def verdicts(durations_s, total_steps, **config) -> list[Verdict]:
    warmup = Warmup(MeasureConfig(**config), total_steps)
    found = []
    for seconds in durations_s:
        warmup.add(seconds)
        found.append(warmup.verdict())
    return found


def test_a_run_that_does_not_settle_gives_up_at_five_times_the_least():
    times = [5 - step / 50 for step in range(200)]
    found = verdicts(times, 10_000, warmup_steps=11, warmup_s=2.0)
    assert found[:10] == [Verdict.TOO_SHORT] * 10
    assert Verdict.SETTLED not in found
    assert found.index(Verdict.GIVE_UP) + 1 == 55


def test_warm_up_takes_no_more_than_a_quarter_of_what_is_left():
    times = [5 - step / 50 for step in range(200)]
    found = verdicts(times, 120, warmup_steps=11, warmup_s=2.0)
    assert found.index(Verdict.GIVE_UP) + 1 == 39  # 11, and a quarter of 109
    found = verdicts(times, 20, warmup_steps=11, warmup_s=2.0)
    assert found.index(Verdict.GIVE_UP) + 1 == 14


def test_a_clock_that_steps_back_does_not_lengthen_warm_up():
    times = [0.5] * 5 + [-3600.0] + [0.5] * 60
    assert Verdict.SETTLED in verdicts(times, 1000, warmup_steps=11, warmup_s=2.0)
