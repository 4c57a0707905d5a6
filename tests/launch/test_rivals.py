"""Who is judged by whom: only what is surely behind is stopped."""

from __future__ import annotations

import pytest

from ray_bench.launch.rivals import Rivals

COHORT = (1, 128)


def rivals(*curves, cohort=COHORT):
    """Finished runs, each with its scores by samples."""
    made = Rivals()
    for number, curve in enumerate(curves):
        for num_samples, score in curve.items():
            assert made.judge(("s", f"r{number}"), cohort, num_samples, score) is None
        made.finished(("s", f"r{number}"))
    return made


GOOD = {100: 0.5, 200: 0.7, 300: 0.8}
SLOW = {100: 0.3, 200: 0.5, 300: 0.6}


def test_a_run_that_takes_more_than_twice_as_long_as_the_slowest_is_stopped():
    made = rivals(GOOD, SLOW)
    assert made.judge(("s", "new"), COHORT, 100, 0.1) is None  # nothing at 50 samples
    reason = made.judge(("s", "new"), COHORT, 200, 0.29)
    assert reason == (
        "After 200 samples it was still worse than each of 2 finished runs of its batch was after "
        "half as many (stop.hopeless=true)."
    )


@pytest.mark.parametrize("score", [0.3, 0.4])
def test_a_run_that_is_as_good_as_the_slowest_was_goes_on(score):
    assert rivals(GOOD, SLOW).judge(("s", "new"), COHORT, 200, score) is None


def test_what_it_was_once_counts_and_losses_do_too():
    made = rivals({100: -4.0}, {100: -5.0})
    assert made.judge(("s", "new"), COHORT, 150, -4.5) is None
    assert made.judge(("s", "new"), COHORT, 200, -9.0) is None
    assert "After 200" in made.judge(("s", "other"), COHORT, 200, -9.0)


def test_few_finished_runs_judge_nobody_and_other_batches_neither():
    assert rivals(GOOD).judge(("s", "new"), COHORT, 200, 0.0) is None
    assert rivals(GOOD, SLOW).judge(("s", "new"), (2, 256), 200, 0.0) is None
    made = rivals(GOOD)
    made.judge(("s", "going on"), COHORT, 100, 0.4)
    assert made.judge(("s", "new"), COHORT, 200, 0.0) is None


def test_a_score_that_is_not_a_number_is_no_hope():
    made = rivals(GOOD, SLOW)
    made.finished(("s", "never evaluated"))
    assert made.judge(("s", "new"), COHORT, 200, float("nan")) is not None
