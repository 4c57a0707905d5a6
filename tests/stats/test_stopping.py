"""When a sweep has measured enough."""

import math
import pickle

import numpy as np
import pytest

from ray_bench.config.groups import StopConfig
from ray_bench.stats.stopping import StopRule, widest
from ray_bench.sweep.rounds import stop_rule

RULE = StopRule(half_width_frac=0.01)


def times(num_rounds, noise, sizes=(1, 2, 4), seed=0):
    rng = np.random.default_rng(seed)
    return {n: list(-math.log(n) + noise * rng.standard_normal(num_rounds)) for n in sizes}


def run(rule, log_times, *, paired=False, elapsed_s=0.0):
    """Return the decision at which a sweep of these rounds ends."""
    num_rounds = len(log_times[1])
    for r in range(1, num_rounds + 1):
        so_far = {n: x[:r] for n, x in log_times.items()}
        decision = rule.look(so_far, paired=paired, elapsed_s=elapsed_s)
        if decision.has_stopped:
            return decision
    raise AssertionError("it never stopped")


@pytest.mark.parametrize(
    ("min_rounds", "max_rounds", "looks"),
    [
        (1, 32, (6, 8, 12, 16, 24, 32)),
        (6, 20, (6, 8, 12, 16, 20)),
        (10, 32, (10, 12, 16, 24, 32)),
        (3, 4, (4,)),
        (40, 10, (10,)),
        (6, 100, (6, 8, 12, 16, 24, 32, 48, 72, 100)),
    ],
)
def test_looks_are_few(min_rounds, max_rounds, looks):
    rule = StopRule(half_width_frac=0.01, min_rounds=min_rounds, max_rounds=max_rounds)
    assert rule.looks == looks


def test_quiet_rounds_stop_at_the_second_look():
    decision = run(RULE, times(32, 0.001))
    assert (decision.reason, decision.num_rounds) == ("narrow_enough", 8)
    assert 0 < decision.half_width_frac < 0.01
    assert decision.next_look is None


def test_noisy_rounds_go_on_to_the_last_look():
    decision = run(RULE, times(32, 0.2))
    assert (decision.reason, decision.num_rounds) == ("max_repeats", 32)
    assert decision.half_width_frac > 0.01


def test_one_noisy_world_size_is_enough_to_go_on():
    log_times = times(32, 0.001)
    log_times[4] = times(32, 0.2)[4]
    assert run(RULE, log_times).reason == "max_repeats"


def test_a_spent_budget_stops_between_looks():
    rule = StopRule(half_width_frac=0.01, budget_s=60)
    decision = rule.look(times(3, 0.2), paired=False, elapsed_s=60)
    assert (decision.reason, decision.num_rounds) == ("budget", 3)
    assert rule.look(times(3, 0.2), paired=False, elapsed_s=59).next_look == 6


def test_nothing_is_decided_between_looks():
    assert not RULE.look(times(10, 1e-9), paired=False, elapsed_s=0).has_stopped


def test_pairing_takes_out_what_a_round_has_in_common():
    rng = np.random.default_rng(1)
    drift = 0.3 * rng.standard_normal(32)
    log_times = {n: x + drift for n, x in times(32, 0.002).items()}
    assert run(RULE, log_times, paired=True).reason == "narrow_enough"
    assert run(RULE, log_times).reason == "max_repeats"


def test_the_half_width_is_that_of_students_t():
    log_times = {1: [0.0] * 4, 2: [0.1, 0.2, 0.3, 0.4]}
    expected = 3.18245 * np.std([0.1, 0.2, 0.3, 0.4], ddof=1) / 2
    for paired in (True, False):
        found = widest(log_times, 4, paired=paired, coverage_frac=0.95)
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("factor", "stops"), [(1.001, True), (0.999, False), (0.8, False)])
def test_a_look_judges_the_99_per_cent_interval_of_both_looks(factor, stops):
    """Student's t with 5 degrees of freedom: 4.03214 at 99 %, 2.57058 at 95 %."""
    log_times = {1: [0.0] * 8, 2: [1.0, -1.0] * 4}
    first_look = 4.03214 * np.std([1.0, -1.0] * 3, ddof=1) / math.sqrt(6)
    rule = StopRule(half_width_frac=factor * first_look)
    found = rule.look(log_times, paired=True, elapsed_s=0)
    assert (found.reason == "narrow_enough") is stops
    assert found.half_width_frac < 0.8 * first_look  # at 95 %, of all rounds


def test_rounds_that_lack_a_run_count_for_what_they_have():
    log_times = times(8, 0.001)
    log_times[2][3] = math.nan
    found = widest(log_times, 8, paired=True, coverage_frac=0.95)
    assert math.isfinite(found)


@pytest.mark.parametrize("log_times", [{}, {1: [0.0] * 8}, {1: [0.0] * 8, 2: [math.nan] * 8}])
def test_without_a_ratio_there_is_no_half_width(log_times):
    decision = RULE.look(log_times, paired=False, elapsed_s=0)
    assert decision.half_width_frac is None
    assert not decision.has_stopped


def test_looking_often_does_not_make_the_reported_interval_lie():
    """Optional stopping at its worst noise: 93.5 % of 95 % intervals cover (20,000 draws)."""
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(1500):
        logs = {n: 0.01 * rng.standard_normal(32) for n in (1, 2)}
        looks = ({n: x[:r] for n, x in logs.items()} for r in RULE.looks)
        decisions = (RULE.look(so_far, paired=True, elapsed_s=0) for so_far in looks)
        decision = next(d for d in decisions if d.has_stopped)
        difference = float(np.mean((logs[2] - logs[1])[: decision.num_rounds]))
        hits.append(abs(difference) <= decision.half_width_frac)
    assert np.mean(hits) >= 0.93 - 2 * math.sqrt(0.93 * 0.07 / len(hits))


def test_it_travels_to_another_process_and_comes_from_the_configuration():
    rule = stop_rule(StopConfig(half_width=0.02, max_repeats=9, budget_s=5), min_rounds=7)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert (rule.looks, rule.budget_s, rule.half_width_frac) == ((7, 8, 9), 5, 0.02)
    assert stop_rule(StopConfig(), min_rounds=6) is None
