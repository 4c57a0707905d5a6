"""With a target, world sizes are chosen by how soon they get there."""

from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.decision.advice import Ask, Reason
from ray_bench.analysis.decision.aim import parse_aim
from ray_bench.analysis.study import studies
from ray_bench.config.metric_target import accuracy_target
from ray_bench.report.model import build_report
from tests.analysis.parity.learned import learned


@pytest.fixture(scope="module")
def slower():
    """Four workers have the most samples/s, and need twice the epochs."""
    return learned(
        lambda n, r, s: 0.9,
        lambda n, r, s: 8.0 * (1 + 1.2 * (n == 4)) + 0.2 * s,
        seeds=(0, 1, 2),
        epochs=100,
        with_blocks=True,
    )


def decision(results, target=0.85, aim="fastest", **wishes):
    ask = Ask(aim=parse_aim(aim, "USD"), target=target and accuracy_target(target), **wishes)
    return studies(results, ask)[0].decision


def test_the_target_turns_the_choice(slower):
    assert decision(slower, None).recommended == 4
    found = decision(slower)
    assert found.recommended == 2
    assert 0.9 < found.choice.probability <= 1
    assert found.spend(found.option(2)) is found.option(2).target


def test_limits_are_those_of_the_target_not_of_a_run(slower):
    times = {x.world_size: x.target.time_s.value for x in decision(slower).options}
    between = (times[2] + times[4]) / 2
    assert decision(slower, aim=f"deadline={between}s").recommended == 2
    short = decision(slower, aim=f"deadline={times[2] / 100}s")
    assert (short.recommended, short.reason) == (None, Reason.UNREACHABLE)
    money = 1.02 * times[1] / 3600
    assert decision(slower, aim=f"budget={money:.6f}", price_per_worker_hour=1.0).recommended == 1


def test_world_sizes_that_do_not_get_there_are_left_out():
    results = learned(
        lambda n, r, s: 0.8 if n == 4 and s == 0 else 0.9, seeds=(0, 1, 2), with_blocks=True
    )
    found = decision(results)
    assert found.choice.sizes == (1, 2)
    report = build_report(results, target=0.85, aim="fastest")
    assert "Left out, as not every run got there: 4 workers." in str(report.sections)
    assert "fastest (least time) to 85 % accuracy" in report.screens[0].answer.why


def test_a_target_that_nobody_reaches_decides_nothing(slower):
    found = decision(slower, 0.99)
    assert (found.recommended, found.reason) == (None, Reason.NO_TARGET)
    report = build_report(slower, target=0.99)
    assert "no size is known to reach the target" in report.answer
    assert report.screens[0].answer.next.head == "give a lower --target, or measure more epochs"


def test_how_sure_a_choice_is_has_the_noise_of_the_time_that_it_rests_on(slower):
    """Throughput and epochs may be steady where the time to the target, as measured, is not."""
    times = {0: 0.5, 1: 1.0, 2: 2.0}
    seed = {run.run_id: run.point.seed for run in slower.runs}
    factor = np.array([times[seed[x]] for x in slower.epochs["run_id"]])
    noisy = {**slower.epochs, "train_s": slower.epochs["train_s"] * factor}
    sure, unsure = decision(slower), decision(replace(slower, epochs=noisy))
    assert sure.recommended == unsure.recommended == 2
    assert sure.choice.probability > 0.9
    assert unsure.choice.probability < 0.75
    low = unsure.option(2).target.time_s.low
    assert low < 0.3 * unsure.option(2).target.time_s.value  # as its interval says
