"""What attempts that came to nothing cost, beside runs that nothing disturbed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ray_bench.analysis.disturbances import disturbances
from tests.samples import START, make_point, make_run


def attempt(number: int, status: str = "ok", **changes):
    start = START + timedelta(minutes=number)
    return make_run(attempt=number, status=status, started_at_utc=start, **changes)


def test_a_sweep_without_faults_has_lost_nothing():
    assert disturbances([attempt(1), attempt(1, run_id="b")]) == ()


def test_attempts_are_set_beside_the_run_that_nothing_disturbed():
    attempts = [
        attempt(3, wall_s=10.0),
        attempt(2, "interrupted", wall_s=5.0),
        attempt(1, "preempted", wall_s=20.0, num_steps=400),
        attempt(1, run_id="b", wall_s=30.0),
    ]
    first, second = disturbances(attempts)
    assert (first.run.status, first.num_steps, first.worker_s) == ("preempted", 400, 40.0)
    assert (second.run.status, second.num_steps, second.worker_s) == ("interrupted", None, 10.0)
    assert first.undisturbed_worker_s == 2 * 20.0
    assert first.frac == pytest.approx(1.0)
    assert first.cost(3.6) == pytest.approx(0.04)
    assert first.cost(None) is None


def test_a_point_without_a_good_run_has_nothing_to_be_set_beside():
    lost = attempt(1, "failed", point=make_point(world_size=4), wall_s=2.0)
    (found,) = disturbances([lost, attempt(1, run_id="b")])
    assert (found.worker_s, found.undisturbed_worker_s, found.frac) == (8.0, None, None)


def test_a_run_in_which_a_rank_stood_still_is_lost_whole():
    (found,) = disturbances([attempt(1, flags=("stalled",), wall_s=100.0), attempt(2, wall_s=10)])
    assert (found.worker_s, found.undisturbed_worker_s) == (200.0, 20.0)
