"""The decision of a study: what is recommended, and what every world size takes."""

import pytest

from ray_bench.analysis.decision.advice import Ask, Reason
from ray_bench.analysis.decision.aim import parse_aim
from ray_bench.analysis.study import studies
from ray_bench.config.metric_target import accuracy_target
from tests.analysis.decisions import SIZES
from tests.synthetic import synthetic


def only(ask=None, **changes):
    (study,) = studies(synthetic(**changes), ask)
    return study.decision


def ask(text, **changes):
    return Ask(aim=parse_aim(text, "USD"), **{"price_per_worker_hour": 1.5, **changes})


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
    assert last.run.worker_s.value == pytest.approx(32 * last.run.time_s.value)
    # Amdahl with 5 % serial work: evaluation is in the measured run, and in the predicted one.
    ideal = one.run.time_s.value * (0.05 + 0.95 / 32)
    assert last.run.time_s.value == pytest.approx(ideal, rel=0.1)
    assert last.run.time_s.low <= last.run.time_s.value <= last.run.time_s.high


def test_a_longer_run_takes_longer_in_proportion():
    short, long = only(), only(Ask(epochs=90.0))
    for before, after in zip(short.options, long.options, strict=True):
        assert after.run.time_s.value == pytest.approx(9 * before.run.time_s.value)
        assert after.measure_s == before.measure_s


def test_epochs_to_a_target_are_those_that_were_measured():
    decision = only(Ask(target=accuracy_target(0.5)), epochs=5)
    for option in decision.options:
        assert option.convergence.epochs.estimate.value == pytest.approx(2, abs=0.3)
        epochs = option.convergence.epochs.estimate.value
        assert option.target.time_s.value == pytest.approx(epochs * option.run.time_s.value / 5)


def test_how_a_larger_batch_converges_is_not_assumed():
    options = only(Ask(target=accuracy_target(0.5)), scaling="weak").options
    assert all((x.target is not None) == x.is_measured for x in options)


def test_a_target_that_was_not_reached_is_not_known():
    options = only(Ask(target=accuracy_target(0.99))).options
    assert {x.target for x in options} == {None}
    assert options[0].convergence.num_reached == 0


def test_the_default_target_was_reached_everywhere():
    decision = only(rules=("none", "linear"), scaling="weak")
    assert all(x.target is not None for x in decision.options if x.is_measured)
