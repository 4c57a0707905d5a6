"""The first screen of a prediction over another link."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.analysis.decision.advice import Ask
from ray_bench.analysis.decision.choose import Choice, choose
from ray_bench.analysis.replay.asked import given_link, question_of
from ray_bench.analysis.replay.forecast import predicted_field, predicted_steps
from ray_bench.analysis.replay.profile import step_profile
from ray_bench.analysis.study import studies
from ray_bench.report.replay_screen import Replayed, replay_screen
from tests.synthetic import synthetic

SIZES = (1, 2, 4, 8, 16)


@pytest.fixture(scope="module")
def replayed():
    results = synthetic()
    (study,) = studies(results)
    profile = step_profile(results, study)
    links = (given_link("25Gbps", "20us", None, ""), None)
    question = question_of(profile, links, None, None, None, profile.scaling)
    rows, field = predicted_field(profile, question, SIZES, study.curve, 500_000.0)
    ask = Ask(price_per_worker_hour=1.5)
    return field, Replayed(
        profile=profile,
        question=question,
        rows=rows,
        choice=choose(field, ask.aim, 1.5),
        no_choice="",
        ask=ask,
        currency="USD",
        run_samples=500_000.0,
        curve=study.curve,
    )


def test_rows_are_those_of_the_command_and_draws_are_around_them(replayed):
    field, found = replayed
    assert found.rows == predicted_steps(found.profile, found.question, SIZES, found.curve)
    assert field.sizes == SIZES
    assert field.draws.shape == (2000, len(SIZES))
    for i, row in enumerate(found.rows):
        low, high = np.exp(np.quantile(field.draws[:, i], [0.025, 0.975]))
        assert row.throughput.low == pytest.approx(min(low, row.throughput.value))
        assert row.throughput.high == pytest.approx(max(high, row.throughput.value))


def test_time_and_cost_are_of_the_run(replayed):
    _, found = replayed
    row = found.rows[2]
    time_s = found.time_s(row)
    assert time_s.value == pytest.approx(500_000 / row.throughput.value)
    assert found.money(row).value == pytest.approx(time_s.value * 4 * 1.5 / 3600)


def chosen(found, shares, best):
    choice = Choice(sizes=SIZES, best=best, shares=shares, none_share=0.0, meets=None)
    return replay_screen(replace(found, choice=choice)).answer


def test_how_sure_it_is_stands_before_the_number(replayed):
    _, found = replayed
    assert chosen(found, (0, 0, 0.97, 0.03, 0), 4).lead.startswith("Use 4 workers: ")
    assert chosen(found, (0, 0, 0.8, 0.2, 0), 4).lead.startswith("Likely 4 workers: ")
    assert chosen(found, (0, 0, 0.6, 0.4, 0), 4).lead.startswith("Probably 4 workers: ")


def test_where_the_draws_choose_another_size_it_cannot_tell(replayed):
    _, found = replayed
    answer = chosen(found, (0, 0.67, 0.33, 0, 0), 4)
    assert answer.lead == "Cannot tell 2 from 4 workers for this aim"
    assert answer.gain is None
    assert "2 is likelier right (67 %; 4: 33 %)" in answer.why


def test_without_a_choice_it_says_why(replayed):
    _, found = replayed
    screen = replay_screen(replace(found, choice=None, no_choice="A budget needs a price."))
    assert (screen.answer.lead, screen.answer.why) == (
        "No answer for this aim",
        "A budget needs a price.",
    )
    assert not any(x.is_chosen for x in screen.numbers.sizes)


def test_every_size_has_every_quantity(replayed):
    _, found = replayed
    numbers = replay_screen(found).numbers
    assert [x.key for x in numbers.quantities] == [
        "speedup", "efficiency", "run_time", "cost", "on_the_link", "best_choice",
    ]  # fmt: skip
    assert all(len(x.cells) == len(SIZES) for x in numbers.quantities)
    assert math.isclose(sum(x.value for x in numbers.quantities[-1].cells), 1.0)
