"""The choice: aims, and the probability that it is right."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.decision.aim import Aim, parse_aim
from ray_bench.analysis.decision.choose import Field, choose
from ray_bench.analysis.decision.draws import measured_draws
from ray_bench.errors import ConfigError
from ray_bench.stats.log_estimate import LogEstimate
from tests.analysis.decisions import SIZES, field_of, rates

limits = st.tuples(st.floats(1, 5000), st.floats(1, 5000)).map(sorted)


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("fastest", Aim("fastest")),
        ("deadline=30min", Aim("deadline", 1800)),
        ("deadline=45s", Aim("deadline", 45)),
        ("deadline = 1.5 h", Aim("deadline", 5400)),
        ("budget=5USD", Aim("budget", 5)),
        ("budget=0.5", Aim("budget", 0.5)),
        ("budget=5 usd", Aim("budget", 5)),
        ("efficiency=0.8", Aim("efficiency", 0.8)),
        ("efficiency=80%", Aim("efficiency", 0.8)),
    ],
)
def test_aims_are_read(text, aim):
    assert parse_aim(text, "USD") == aim


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quick", "There is no aim 'quick'; write fastest"),
        ("fastest=2", "There is no aim"),
        ("deadline", "There is no aim"),
        ("deadline=30", "write it like 45s, 30min or 2h"),
        ("deadline=0s", "write it like 45s"),
        ("deadline=-3min", "write it like 45s"),
        ("budget=5EUR", "The budget is in EUR, the price in USD"),
        ("budget=much", "write it like 5USD"),
        ("budget=0", "write it like 5USD"),
        ("efficiency=1.2", "at most 1"),
        ("efficiency=0", "above 0"),
        ("efficiency=nan", "Cannot read the efficiency"),
    ],
)
def test_a_wrong_aim_says_what_to_write(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_aim(text, "USD")


@given(rates, st.sampled_from(["fastest", "cheapest", "balanced"]))
def test_without_noise_the_best_is_surely_right(values, kind):
    found = choose(field_of(values, num_draws=50), Aim(kind))
    best = {
        "fastest": np.argmax(values),
        "cheapest": np.argmax(np.array(values) / SIZES),
        "balanced": np.argmax(np.array(values) ** 2 / SIZES),
    }[kind]
    # Powers of near-equal numbers may tie in the last digit.
    if values[best] > 0 and len(set(np.round(np.log(values), 9))) == len(values):
        assert (found.best, found.probability, found.runner_up) == (SIZES[best], 1.0, None)


@given(
    rates,
    st.floats(0, 0.5),
    st.sampled_from(
        [
            Aim("fastest"),
            Aim("cheapest"),
            Aim("balanced"),
            Aim("deadline", 300.0),
            Aim("budget", 0.2),
            Aim("efficiency", 0.7),
        ]
    ),
)
def test_probabilities_add_up_to_one(values, noise, aim):
    found = choose(field_of(values, noise, num_draws=500), aim, 2.0)
    assert sum(found.shares) + found.none_share == pytest.approx(1)
    assert all(0 <= x <= 1 for x in found.shares)
    assert found.runner_up is None or found.runner_up != found.best


@given(rates, limits)
def test_a_later_deadline_never_costs_more(values, deadlines):
    field = field_of(values, 0.05, num_draws=100)
    money = []
    for limit in deadlines:
        best = choose(field, Aim("deadline", limit)).best
        money.append(math.inf if best is None else best / values[SIZES.index(best)])
    assert money[1] <= money[0] * (1 + 1e-9)


@given(rates, limits, st.floats(0.1, 10))
def test_a_larger_budget_is_never_slower(values, budgets, price):
    field = field_of(values, 0.05, num_draws=100)
    speed = []
    for limit in budgets:
        best = choose(field, Aim("budget", limit / 1000), price).best
        speed.append(0.0 if best is None else values[SIZES.index(best)])
    assert speed[1] >= speed[0]


@given(rates, limits, st.floats(0.01, 10))
def test_a_lower_price_is_never_slower(values, prices, budget):
    field = field_of(values, 0.05, num_draws=100)
    speed = []
    for price in prices:
        best = choose(field, Aim("budget", budget), price).best
        speed.append(0.0 if best is None else values[SIZES.index(best)])
    assert speed[0] >= speed[1]


@given(rates, st.floats(0.1, 100))
def test_the_choice_does_not_depend_on_the_unit_of_throughput(values, factor):
    for kind in ("fastest", "cheapest", "balanced"):
        one = choose(field_of(values, num_draws=10), Aim(kind)).best
        other = choose(field_of([x * factor for x in values], num_draws=10), Aim(kind)).best
        near = len(set(np.round(np.log(values), 6))) < len(values)
        assert one == other or near


def test_the_probability_is_that_of_the_noise():
    """ln X_2 - ln X_1 is normal with mean 0.02 and sd 0.02 sqrt(2): P(> 0) = Phi(0.7071)."""
    found = choose(field_of([1.0, math.exp(0.02)], 0.02, num_draws=100_000), Aim("fastest"))
    assert found.best == 2
    assert found.probability == pytest.approx(0.7602, abs=0.006)
    assert found.runner_up == 1


def test_a_limit_has_its_own_probability():
    found = choose(field_of([1.0, 2.0, 3.5, 6.0], 0.02), Aim("deadline", 502.0))
    assert found.best == 2
    assert 0.5 < found.meets < 0.7
    assert choose(field_of([1.0, 2.0], 0.02), Aim("deadline", 10.0)).best is None


@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_the_probability_is_calibrated(noise):
    """Among sweeps whose best size has probability p, it is right in a share p of them."""
    rng = np.random.default_rng(11)
    right, said = [], []
    for _ in range(400):
        truth = np.cumsum(rng.normal(0, 1.5 * noise, 3))
        logs = truth + noise * rng.standard_normal((6, 3))
        estimates = {
            n: LogEstimate(float(x.mean()), float(x.var(ddof=1) / 6), 5, 6, "repeats")
            for n, x in zip((1, 2, 4), logs.T, strict=True)
        }
        curve = Curve(throughput=estimates)
        field = Field(
            sizes=(1, 2, 4),
            log_rate=logs.mean(axis=0),
            draws=measured_draws(curve, 1000),
            samples=None,
        )
        found = choose(field, Aim("fastest"))
        right.append(found.best == (1, 2, 4)[int(truth.argmax())])
        said.append(found.probability)
    assert np.mean(right) == pytest.approx(np.mean(said), abs=0.05)
