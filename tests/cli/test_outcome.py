"""What a sweep says at its end of runs that did not end well."""

from __future__ import annotations

from ray_bench.records import PlannedRun
from ray_bench.sweep.progress import SweepProgress
from tests.samples import make_point, make_run


def progress_after(*changes: dict) -> SweepProgress:
    runs = [
        PlannedRun(point=make_point(), repeat=number, order_index=number) for number in range(12)
    ]
    progress = SweepProgress(runs)
    for run, change in zip(runs, changes, strict=False):
        progress.started(run)
        progress.finished(make_run(run_id=run.run_id, point=run.point, **change))
    return progress


def test_a_ladder_that_was_killed_before_its_first_round_has_finished_nothing():
    outcome = progress_after({"status": "failed"}, {"status": "failed"}).outcome
    assert outcome == "None of 12 runs finished well: 2 failed, 10 did not begin."


def test_runs_that_stood_still_are_not_good():
    fine = [{}] * 11
    assert progress_after(*fine, {}).outcome is None
    outcome = progress_after(*fine, {"flags": ("stalled",)}).outcome
    assert outcome == ("11 of 12 runs finished well: 1 not counted (stood still for a time).")


def test_runs_that_were_elsewhere_are_not_good_and_are_made_again():
    elsewhere = {"flags": ("placement_differs",)}
    assert make_run(**elsewhere).must_repeat
    outcome = progress_after(*[{}] * 10, elsewhere, {"flags": ("stalled",)}).outcome
    assert outcome == (
        "10 of 12 runs finished well: 1 not counted (stood still for a time), "
        "1 not counted (on other nodes than asked for)."
    )
