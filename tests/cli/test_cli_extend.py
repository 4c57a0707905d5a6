"""`ray-bench run --extend`: a larger sweep takes over what a smaller one has measured."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ray_bench.records import Results
from ray_bench.report.model import build_report
from ray_bench.store import ResultsStore
from ray_bench.sweep.extend import earlier_alike
from ray_bench.sweep.requested import resolve
from tests.synthetic import synthetic

SETTINGS = ["workload=cnn-digits", "steps=20", "seeds=[0,1]", "world_sizes=[1,2]"]
LARGER = [*SETTINGS[:2], "seeds=[0,1,2]", "world_sizes=[1,2,4]"]


@pytest.fixture
def measured(ray_bench, launcher, tmp_path):
    """Four runs, the first of which needed a second attempt; gives the folder."""
    results = str(tmp_path / "r")
    launcher.stop_after, launcher.fail = 1, lambda planned: True
    ray_bench("run", *SETTINGS, "--results", results)
    launcher.stop_after, launcher.fail = None, lambda planned: False
    assert ray_bench("run", *SETTINGS, "--results", results, "--resume").code == 0
    return results


def last(results: str) -> Results:
    store = ResultsStore(results)
    return store.read(store.sweeps()[-1].sweep_id)


def test_only_what_is_missing_runs(ray_bench, launcher, measured):
    outcome = ray_bench("run", *LARGER, "--results", measured, "--extend")
    assert outcome.code == 0
    assert "4 of 9 runs are taken over from it; 5 to run." in outcome.err
    old, new = (ResultsStore(measured).read(x.sweep_id) for x in ResultsStore(measured).sweeps())
    made = {run.run_id for run in launcher.calls[-1]["planned"]}
    assert made.isdisjoint(run.run_id for run in old.runs)
    assert (len(old.ok_runs), len(new.ok_runs), new.missing_run_ids) == (4, 9, ())


def test_what_is_taken_over_is_what_was_measured_and_says_so(ray_bench, measured):
    before = last(measured)
    ray_bench("run", *LARGER, "--results", measured, "--extend")
    after = last(measured)
    taken = {run.run_id: run for run in after.runs if "taken_over" in run.flags}
    assert set(taken) == {run.run_id for run in before.runs}
    for run in before.runs:
        same = taken[run.run_id]
        assert (same.step_time_s, same.started_at_utc) == (run.step_time_s, run.started_at_utc)
        assert (same.attempt, same.sweep_id) == (run.attempt, after.sweep.sweep_id)
    assert {run.attempt for run in taken.values()} == {1, 2}
    epochs = {run_id for run_id in after.epochs["run_id"].tolist() if run_id in taken}
    assert epochs == set(before.epochs["run_id"].tolist())


def test_runs_are_numbered_anew_and_what_was_first_comes_first(ray_bench, measured):
    ray_bench("run", *LARGER, "--results", measured, "--extend")
    runs = last(measured).runs
    assert [run.order_index for run in runs] == list(range(9))
    assert all("taken_over" in run.flags for run in runs[:4])


def test_the_larger_sweep_is_resumed_by_its_own_command(ray_bench, launcher, measured):
    launcher.stop_after = 2
    outcome = ray_bench("run", *LARGER, "--results", measured, "--extend")
    assert "6 of 9 runs are kept" in outcome.err
    assert "--extend" not in outcome.err.partition("Continue with:")[2]
    launcher.stop_after = None
    outcome = ray_bench("run", *LARGER, "--results", measured, "--resume")
    assert "skipping 6 of 9 runs" in outcome.err
    runs = last(measured).runs
    assert [run.order_index for run in runs] == list(range(9))


def test_the_smaller_sweep_stays(ray_bench, measured):
    before = ResultsStore(measured).sweeps()[0]
    ray_bench("run", *LARGER, "--results", measured, "--extend")
    assert ResultsStore(measured).sweeps()[0] == before


def test_a_larger_sweep_without_it_says_what_it_would_spare(ray_bench, measured):
    outcome = ray_bench("run", *LARGER, "--results", measured)
    assert "has measured 4 of these runs; --extend would take them over" in outcome.err


def test_a_plan_counts_what_is_taken_over(ray_bench, measured):
    outcome = ray_bench("run", *LARGER, "--results", measured, "--extend", "--dry-run")
    assert "5 runs of cnn-digits" in outcome.out
    assert len(ResultsStore(measured).sweeps()) == 1


def test_nothing_is_made_twice(ray_bench, measured):
    outcome = ray_bench("run", *SETTINGS, "--results", measured, "--extend")
    assert outcome.code == 2
    assert "has all 4 runs that are asked for" in outcome.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["batch_size=32"], "Leave out --extend to measure all of it"),
        (["steps=30"], "Leave out --extend to measure all of it"),
        (["measure.block_s=0.5"], "Leave out --extend to measure all of it"),
        (["data.standin=true"], "Leave out --extend to measure all of it"),
        (["--resume"], "give one of them"),
        (["--interleaved", "seeds=[0]"], "cannot be extended"),
        (["--sweep", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_extended_is_said(ray_bench, measured, words, expected):
    settings = [x for x in words if not x.startswith("-") and x != "nothing"]
    options = [x for x in words if x not in settings]
    outcome = ray_bench("run", *LARGER, *settings, "--results", measured, "--extend", *options)
    assert outcome.code != 0
    assert expected in outcome.err


def test_what_failed_is_made_and_not_taken_over(ray_bench, launcher, tmp_path):
    results = str(tmp_path / "f")
    launcher.fail = lambda planned: planned.point.world_size == 2
    ray_bench("run", *SETTINGS, "--results", results)
    launcher.fail = lambda planned: False
    ray_bench("run", *LARGER, "--results", results, "--extend")
    made = {(x.point.world_size, x.point.seed) for x in launcher.calls[-1]["planned"]}
    assert {(2, 0), (2, 1)} < made
    assert set(launcher.calls[-1]["attempts"].values()) == {1}
    assert len(made) == 7


def test_runs_from_the_middle_of_a_sweep_are_numbered_from_the_start(ray_bench, measured):
    words = [*SETTINGS[:2], "seeds=[0,1,2]", "world_sizes=[2,4]"]
    ray_bench("run", *words, "--results", measured, "--extend")
    runs = last(measured).runs
    assert [run.order_index for run in runs] == list(range(6))
    assert [run.point.world_size for run in runs[:2]] == [2, 2]


def test_what_a_script_wrote_is_taken_over(ray_bench, measured):
    store = ResultsStore(measured)
    sweep_id = store.sweeps()[-1].sweep_id
    run = next(run for run in store.runs(sweep_id) if run.attempt == 1)
    name = f"{run.run_id}-rank0.txt"
    store.write_text(f"outputs/sweep={sweep_id}/{name}", "step 1")
    ray_bench("run", *LARGER, "--results", measured, "--extend")
    new_id = last(measured).sweep.sweep_id
    assert store.read_text(f"outputs/sweep={new_id}/{name}") == "step 1"


def test_a_job_is_not_asked_for_both(ray_bench, tmp_path):
    words = ["demo", "--results", "/shared/r", "--resume", "--extend"]
    outcome = ray_bench("submit", *words)
    assert outcome.code == 2
    assert "give one of them" in outcome.err


def test_the_sweep_to_extend_may_be_named(ray_bench, launcher, measured):
    ray_bench("run", *SETTINGS[:2], "seeds=[1]", "world_sizes=[1]", "--results", measured)
    smallest = ResultsStore(measured).sweeps()[-1].sweep_id
    options = ["--extend", "--sweep", smallest]
    outcome = ray_bench("run", *LARGER, "--results", measured, *options)
    assert f"Extending sweep {smallest}: 1 of 9 runs" in outcome.err
    assert len(launcher.calls[-1]["planned"]) == 8


def test_what_goes_on_is_the_new_sweep_and_not_the_one_that_was_named(
    ray_bench, launcher, measured
):
    sweep_id = ResultsStore(measured).sweeps()[0].sweep_id
    launcher.stop_after = 1
    options = ["--extend", "--sweep", sweep_id]
    outcome = ray_bench("run", *LARGER, "--results", measured, *options)
    command = outcome.err.partition("Continue with:")[2].strip().splitlines()[0]
    assert command.endswith("--resume")
    launcher.stop_after = None
    outcome = ray_bench(*shlex.split(command)[1:])
    assert "skipping 5 of 9 runs" in outcome.err


def test_masked_values_are_not_taken_for_equal_ones(ray_bench, launcher, tmp_path):
    results = str(tmp_path / "m")
    script = tmp_path / "train.py"
    script.write_text("print(1)")
    words = ["--", str(script), "--drop-token", "0.1", "--batch-size", "{local_batch_size}"]
    settings = ["steps=20", "batch_size=8", "world_sizes=[1]"]
    outcome = ray_bench("run", *settings, "--results", results, *words)
    assert outcome.code == 0, outcome.err
    assert len(ResultsStore(results).sweeps()) == 1
    larger = [*settings[:2], "world_sizes=[1,2]", "--results", results, "--extend"]
    outcome = ray_bench("run", *larger, *words[:3], "0.5", *words[4:])
    assert outcome.code == 2
    assert "masked values count as different" in outcome.err


def test_a_damaged_run_of_another_sweep_stops_no_new_one(ray_bench, measured):
    runs = Path(measured) / "runs"
    next(runs.rglob("*.parquet")).write_bytes(b"no table")
    assert ray_bench("run", *LARGER, "--results", measured).code == 0


def test_only_sweeps_that_can_have_more_of_it_are_read(ray_bench, measured, monkeypatch):
    ray_bench("run", *LARGER, "--results", measured, "--extend")
    read = []
    monkeypatch.setattr(ResultsStore, "runs", lambda store, sweep_id: read.append(sweep_id) or ())
    config = resolve(None, LARGER).config
    earlier_alike(config, ResultsStore(measured))
    assert len(read) == 2  # neither has any now
    monkeypatch.undo()
    store = ResultsStore(measured)
    assert earlier_alike(config, store).sweep == store.sweeps()[-1]


def apart(when, taken):
    """Return the caveat's head; `when` gives a run's hour by world size and repeat."""
    results = synthetic((1, 2, 4), repeats=2, noise=0.01)
    start = results.runs[0].started_at_utc
    runs = [
        replace(
            run,
            started_at_utc=start + timedelta(hours=when(run.point.world_size, run.repeat)),
            flags=(*run.flags, *["taken_over"] * taken(run.point.world_size, run.repeat)),
        )
        for run in results.runs
    ]
    screen = build_report(replace(results, runs=tuple(runs))).screens[0]
    return [x.head for x in screen.answer.caveats if "another time" in x.head]


@pytest.mark.parametrize(
    ("when", "taken", "heads"),
    [
        (lambda n, r: 0, lambda n, r: False, []),
        (lambda n, r: 30 * r, lambda n, r: False, []),
        (lambda n, r: 30 * r, lambda n, r: r == 0, []),
        (lambda n, r: 0.1 * (n == 4), lambda n, r: n < 4, ["Measured at another time: 4 workers."]),
        (
            lambda n, r: 0.1 * (n == 1),
            lambda n, r: n > 1,
            ["Measured at another time: 2, 4 workers."],
        ),
        # Extended twice: 2 workers were measured after 1 worker, 4 after both.
        (lambda n, r: 20 * n, lambda n, r: n < 4, ["Measured at another time: 2, 4 workers."]),
    ],
    ids=["at once", "resumed", "more repeats", "a size", "a smaller size", "twice"],
)
def test_sizes_of_another_time_are_a_caveat(when, taken, heads):
    assert apart(when, taken) == heads
