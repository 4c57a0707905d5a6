"""The decision: aims, joint draws, choice, Pareto front, next measurement."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.curve import Curve, curve_of
from ray_bench.analysis.decision.advice import Ask, Reason
from ray_bench.analysis.decision.aim import Aim, parse_aim
from ray_bench.analysis.decision.choose import Field, choose
from ray_bench.analysis.decision.draws import measured_draws
from ray_bench.analysis.decision.front import front, pareto
from ray_bench.analysis.decision.next_run import next_run
from ray_bench.analysis.decision.options import product
from ray_bench.analysis.estimate import Estimate, LogEstimate
from ray_bench.analysis.study import studies
from ray_bench.errors import ConfigError
from tests.synthetic import synthetic

SIZES = (1, 2, 4, 8)


def field_of(rates, noise=0.0, samples=1000.0, num_draws=2000):
    log_rate = np.log(np.array(rates, dtype=float))
    rng = np.random.default_rng(3)
    return Field(
        sizes=SIZES[: len(rates)],
        log_rate=log_rate,
        draws=log_rate + noise * rng.standard_normal((num_draws, len(rates))),
        samples=np.full(len(rates), samples),
    )


rates = st.lists(st.floats(0.5, 100), min_size=4, max_size=4)
limits = st.tuples(st.floats(1, 5000), st.floats(1, 5000)).map(sorted)


def only(ask=None, **changes):
    (study,) = studies(synthetic(**changes), ask)
    return study.decision


def ask(text, **changes):
    return Ask(aim=parse_aim(text, "USD"), **{"price_per_worker_hour": 1.5, **changes})


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

    return next_run(field.sizes, field.draws, winners(field, aim), sd, seconds)


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


def test_measured_world_sizes_come_first():
    decision = only()
    assert (decision.recommended, decision.better_beyond) == (8, 16)
    assert decision.choice.sizes == SIZES
    wide = only(ask("balanced", max_workers=32))
    assert (wide.recommended, wide.is_predicted) == (16, True)
    assert wide.choice.sizes == (*SIZES, 16, 32)


def test_only_world_sizes_that_share_the_batch_are_predicted():
    assert [x.world_size for x in only(batch=48).options] == [1, 2, 4, 8, 16]
    assert [x.world_size for x in only(scaling="weak", batch=48).options][-1] == 64


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("fastest", 8),
        ("cheapest", 1),
        ("balanced", 8),
        ("deadline=2min", 8),
        ("deadline=200s", 4),
        ("deadline=45s", 32),  # no measured one is so fast
        ("budget=0.26USD", 4),
        ("efficiency=0.8", 4),
        ("deadline=1s", None),
        ("budget=0.01USD", None),
    ],
)
def test_the_recommendation_is_that_of_the_aim(text, size):
    decision = only(ask(text))
    assert decision.recommended == size
    assert decision.reason is (Reason.UNREACHABLE if size is None else Reason.RIGHT)


def test_what_an_aim_needs_is_asked_for():
    assert only(ask("budget=5USD", price_per_worker_hour=None)).reason is Reason.NO_PRICE
    assert only(ask("deadline=1h"), num_epochs=None, train_s=None).reason is Reason.NO_RUN_TIME
    ladder = {"ladder": True, "repeats": 8}
    assert only(ask("deadline=1h"), **ladder).reason is Reason.NO_RUN_TIME
    assert only(ask("deadline=1h", epochs=10), **ladder).recommended == 1


def test_oversubscribed_world_sizes_are_not_chosen():
    decision = only(flags=lambda n: ("oversubscribed",) if n == 8 else ())
    assert [x.world_size for x in decision.options if x.is_measured] == [1, 2, 4]


def test_time_money_and_energy_of_a_run():
    one, *_, last = only(noise=0, energy_j=6000.0).options
    assert one.run.energy_j.value == pytest.approx(6000)
    assert one.run.worker_s.value == one.run.time_s.value
    assert not last.is_measured
    assert last.run.worker_s.value == pytest.approx(64 * last.run.time_s.value)
    # Amdahl with 5 % serial work: evaluation is in the measured run, and in the predicted one.
    ideal = one.run.time_s.value * (0.05 + 0.95 / 64)
    assert last.run.time_s.value == pytest.approx(ideal, rel=0.1)
    assert last.run.time_s.low <= last.run.time_s.value <= last.run.time_s.high


def test_a_longer_run_takes_longer_in_proportion():
    short, long = only(), only(Ask(epochs=90.0))
    for before, after in zip(short.options, long.options, strict=True):
        assert after.run.time_s.value == pytest.approx(9 * before.run.time_s.value)
        assert after.measure_s == before.measure_s


def test_epochs_to_a_target_are_those_that_were_measured():
    decision = only(Ask(target_frac=0.5), epochs=5)
    for option in decision.options:
        assert option.convergence.epochs.estimate.value == pytest.approx(2, abs=0.3)
        epochs = option.convergence.epochs.estimate.value
        assert option.target.time_s.value == pytest.approx(epochs * option.run.time_s.value / 5)


def test_how_a_larger_batch_converges_is_not_assumed():
    options = only(Ask(target_frac=0.5), scaling="weak").options
    assert all((x.target is not None) == x.is_measured for x in options)


def test_a_target_that_was_not_reached_is_not_known():
    options = only(Ask(target_frac=0.99)).options
    assert {x.target for x in options} == {None}
    assert options[0].convergence.num_reached == 0


def test_the_default_target_was_reached_everywhere():
    decision = only(rules=("none", "linear"), scaling="weak")
    assert all(x.target is not None for x in decision.options if x.is_measured)


def test_log_half_widths_of_a_product_add_in_quadrature():
    found = product(Estimate(2.0, 1.0, 4.0), Estimate(3.0, 3.0, 3.0))
    assert (found.value, found.low, found.high) == pytest.approx((6.0, 3.0, 12.0))
    assert product(Estimate(2.0), Estimate(3.0, 2.0, 4.0)) == Estimate(6.0)


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
