"""The benchmarks' own arithmetic: ratio with interval, order of turns, output."""

import json
import math
import statistics

import numpy as np
import pytest
from scipy import stats

from benchmarks.common import (
    Aim,
    Comparison,
    Measure,
    Outcome,
    as_json,
    as_markdown,
    as_terminal,
    number,
    paired_ratio,
    turn_order,
)
from ray_bench.stats.estimate import Estimate


def test_ratio_is_the_t_interval_of_the_log_ratios():
    pairs = [(1.1, 1.0), (2.1, 2.0), (0.52, 0.5), (4.0, 4.1)]
    logs = [math.log(top / bottom) for top, bottom in pairs]
    reach = stats.t.ppf(0.975, 3) * statistics.stdev(logs) / 2
    ratio = paired_ratio(pairs)
    assert ratio.value == pytest.approx(math.exp(statistics.fmean(logs)))
    assert (ratio.low, ratio.high) == pytest.approx(
        (ratio.value * math.exp(-reach), ratio.value * math.exp(reach))
    )


def test_a_drift_that_both_arms_share_falls_out():
    drift = np.linspace(1, 3, 12)
    ratio = paired_ratio([(1.02 * speed, speed) for speed in drift])
    assert (ratio.low, ratio.high) == pytest.approx((1.02, 1.02))


def test_one_round_has_no_interval():
    ratio = paired_ratio([(3.0, 2.0)])
    assert (ratio.value, ratio.low, ratio.high) == (pytest.approx(1.5), None, None)


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        speed = np.exp(rng.normal(0, 0.2, 10))
        noise = np.exp(rng.normal(0, 0.05, (2, 10)))
        pairs = list(zip(1.01 * speed * noise[0], speed * noise[1], strict=True))
        hits += paired_ratio(pairs).contains(1.01)
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize("arms", [("a", "b"), ("a", "b", "c")])
def test_turns_go_there_and_back(arms):
    rounds = turn_order(arms, 8, seed=1)
    assert len(rounds) == 8
    assert all(sorted(order) == sorted(arms) for order in rounds)
    assert all(there == back[::-1] for there, back in zip(rounds[::2], rounds[1::2], strict=True))
    places = [statistics.fmean(order.index(arm) for order in rounds) for arm in arms]
    assert places == [(len(arms) - 1) / 2] * len(arms)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Estimate(1.01, 1.0, 1.015), "at most 1.02: met"),
        (Estimate(1.05, 1.03, 1.07), "at most 1.02: not met"),
        (Estimate(1.01, 0.9, 1.2), "at most 1.02: met, but within the interval"),
        (Estimate(1.01), "at most 1.02: met"),
    ],
)
def test_an_aim_inside_the_interval_is_not_settled(found, text):
    assert Aim(bound="at most", value=1.02).says(found) == text


def test_order_is_random_and_repeatable():
    assert turn_order("ab", 20, seed=1) == turn_order("ab", 20, seed=1)
    assert len({tuple(turn_order("ab", 20, seed=seed)) for seed in range(5)}) > 1
    assert len(turn_order("ab", 5, seed=0)) == 5


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"),
        (12.3, "s", "12.3 s"),
        (0.0123, "s/step", "12.3 ms/step"),
        (1234.5, "images/s", "1,234 images/s"),
        (2**21, "byte", "2.00 MiB"),
        (0.0, "s", "0 ms"),
        (1.034, "", "1.03"),
    ],
)
def test_numbers_have_three_digits_and_a_unit(value, unit, text):
    assert number(value, unit) == text


def outcome():
    return Outcome(
        benchmark="sample",
        question="Is a slower than b?",
        comparisons=(
            Comparison(
                name="a over b",
                top="a",
                bottom="b",
                unit="s",
                pairs=((1.1, 1.0), (1.2, 1.0)),
                aim=Aim(bound="at most", value=1.02),
            ),
        ),
        measures=(
            Measure(name="size", value=2**20, unit="byte", aim=Aim(bound="at least", value=1)),
        ),
        notes=("made up",),
        environment={"cpu_model": "made up", "num_cpus": 2},
    )


def test_json_has_every_pair_and_the_ratio():
    (found,) = json.loads(as_json(outcome()))["comparisons"]
    assert found["pairs"] == [[1.1, 1.0], [1.2, 1.0]]
    assert found["num_rounds"] == 2
    assert found["is_aim_met"] is False
    assert found["ratio"]["low"] < found["ratio"]["value"] < found["ratio"]["high"]


@pytest.mark.parametrize("render", [as_markdown, as_terminal])
def test_pages_say_ratio_aim_and_machine(render):
    page = render(outcome())
    for text in ("Is a slower than b?", "1.149", "not met", "at least 1: met", "made up, 2 cores"):
        assert text in page


def test_means_of_a_launch_keep_its_ratio():
    comparison = Comparison(
        name="one", top="a", bottom="b", unit="s/step", pairs=((1.0, 2.0), (4.0, 2.0))
    )
    assert comparison.means() == pytest.approx((2.0, 2.0))
    assert paired_ratio((comparison.means(),)).value == pytest.approx(comparison.ratio.value)
