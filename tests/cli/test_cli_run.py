"""Tests of `ray-bench run` with a launcher that makes records up."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from ray_bench.errors import ClusterCapacityError, StoreError
from ray_bench.records import RunData
from ray_bench.store import ResultsStore
from ray_bench.workloads.catalog import BUILTIN

SMALL = ["workload=cnn-digits", "world_sizes=[1,2]", "repeats=2", "epochs=1"]
SMALL += ["measure.sentinel=false"]

pytestmark = pytest.mark.usefixtures("reports")


@pytest.fixture
def results(tmp_path):
    return str(tmp_path / "results")


def test_a_sweep_is_measured_stored_and_reported(ray_bench, launcher, results, tmp_path):
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 0, outcome.err
    assert outcome.out == "T:4 ok, in short\n"
    assert f"{results}/report.md, {results}/report.json" in outcome.err
    assert (tmp_path / "results" / "report.md").read_text() == "# 4 ok\n"
    stored = ResultsStore(results).read()
    assert stored.missing_run_ids == ()
    folder = f"{results}/reports/{stored.sweep.sweep_id}"
    assert f"Written: {folder}/report.html, {folder}/report.md" in outcome.err
    (listed,) = json.loads(ray_bench("list", results, "--format", "json").out)
    assert listed["answer"]["lead"] == "4 ok"
    assert stored.sweep.command.startswith("ray-bench run workload=cnn-digits 'world_sizes=[1,2]'")
    assert stored.sweep.sweep_id.endswith(f"-{stored.sweep.config_sha256[:6]}")


def test_defaults_of_the_workload_reach_the_launcher(ray_bench, launcher, results):
    ray_bench("run", *SMALL, "--results", results, "--address", "auto")
    (call,) = launcher.calls
    assert call["config"].batch_size == BUILTIN["cnn-digits"].defaults.batch_size
    assert call["config"].optimizer.momentum == 0.9
    assert call["address"] == "auto"
    assert set(call["attempts"].values()) == {1}


def test_trace_is_an_option_for_a_setting(ray_bench, launcher, results):
    ray_bench("run", *SMALL, "--results", results, "--trace")
    (call,) = launcher.calls
    assert call["config"].measure.trace_steps == 5


def test_a_line_a_run_where_stderr_is_no_terminal(ray_bench, launcher, results):
    lines = ray_bench("run", *SMALL, "--results", results).err.splitlines()
    assert sum(line.startswith("[") for line in lines) == 4
    assert "[4/4] cnn-digits w=" in lines[3]
    assert lines[3].endswith("samples/s in 12.3 s")


def test_quiet_shows_failures_only(ray_bench, launcher, results):
    launcher.fail = lambda planned: planned.order_index == 2
    err = ray_bench("run", *SMALL, "--results", results, "--quiet").err
    assert [line for line in err.splitlines() if line.startswith("[")] == [
        line for line in err.splitlines() if "FAILED" in line
    ]
    assert "rank 1: NonFiniteLossError: loss is nan" in err
    assert "more" not in err


def test_a_failed_run_fails_the_command_but_not_the_report(ray_bench, launcher, results):
    launcher.fail = lambda planned: planned.order_index == 0
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 1
    assert outcome.out == "T:3 ok, in short\n"
    assert "3 of 4 runs finished well: 1 failed. Make what is missing with:" in outcome.err
    assert f"--results {results} --resume" in outcome.err


def test_a_sweep_of_failures_is_reported_too(ray_bench, launcher, results):
    launcher.fail = lambda planned: True
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert (outcome.code, outcome.out) == (1, "T:0 ok, in short\n")
    assert "None of 4 runs finished well: 4 failed." in outcome.err


def test_ctrl_c_keeps_runs_and_says_how_to_continue(ray_bench, launcher, results):
    launcher.stop_after = 3
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 130
    assert f"3 of 4 runs are kept in {results}" in outcome.err
    assert "  ray-bench run workload=cnn-digits 'world_sizes=[1,2]'" in outcome.err
    assert f"--results {results} --resume" in outcome.err
    assert outcome.out == ""


def test_a_sweep_that_cannot_be_placed_leaves_nothing(ray_bench, launcher, results):
    launcher.stop_after, launcher.stop_with = 0, ClusterCapacityError("asked 8, has 4.")
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert (outcome.code, outcome.err) == (1, "error: asked 8, has 4.\n")
    assert ResultsStore(results).sweeps() == ()


def test_a_run_that_stood_still_is_made_again(ray_bench, launcher, results):
    ray_bench("run", *SMALL, "--results", results)
    store = ResultsStore(results)
    sweep_id = store.sweeps()[-1].sweep_id
    first = store.runs(sweep_id)[0]
    store.write_run(RunData(run=replace(first, attempt=2, flags=("stalled",))))
    outcome = ray_bench("run", *SMALL, "--results", results, "--resume")
    assert "skipping 3 of 4 runs" in outcome.err
    (planned,) = launcher.calls[-1]["planned"]
    assert planned.run_id == first.run_id


def test_a_lost_cluster_says_the_same(ray_bench, launcher, results):
    launcher.stop_after, launcher.stop_with = 1, ClusterCapacityError("asked 8, has 4.")
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 1
    assert "1 of 4 runs are kept" in outcome.err
    assert outcome.err.endswith("error: asked 8, has 4.\n")


def test_a_full_disk_says_the_same(ray_bench, launcher, results, monkeypatch):
    def full(store, data):
        raise StoreError("Cannot write it: No space left on device.")

    monkeypatch.setattr(ResultsStore, "write_run", full)
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 1
    assert "error: Cannot write it: No space left on device." in outcome.err
    assert "--resume" in outcome.err


def test_resume_runs_what_is_missing_or_failed(ray_bench, launcher, results):
    launcher.stop_after, launcher.fail = 3, lambda planned: planned.order_index == 1
    ray_bench("run", *SMALL, "--results", results)
    launcher.stop_after, launcher.fail = None, lambda planned: False
    outcome = ray_bench("run", *SMALL, "--results", results, "--resume")
    assert outcome.code == 0
    assert "skipping 2 of 4 runs" in outcome.err
    assert "2 to run (1 of them failed before)" in outcome.err
    attempts = launcher.calls[1]["attempts"]
    planned = launcher.calls[1]["planned"]
    assert [(run.order_index, attempts[run.run_id]) for run in planned] == [(1, 2), (3, 1)]
    store = ResultsStore(results)
    assert len(store.sweeps()) == 1
    assert len(store.read().ok_runs) == 4


def test_resume_of_a_finished_sweep_only_reports(ray_bench, launcher, results):
    ray_bench("run", *SMALL, "--results", results)
    outcome = ray_bench("run", *SMALL, "--results", results, "--resume")
    assert (outcome.code, outcome.out) == (0, "T:4 ok, in short\n")
    assert len(launcher.calls) == 1


def test_resume_takes_a_new_price(ray_bench, launcher, results, reports):
    ray_bench("run", *SMALL, "--results", results)
    settings = [*SMALL, "price_per_worker_hour=2.5", "currency=EUR"]
    assert ray_bench("run", *settings, "--results", results, "--resume").code == 0
    assert (reports[0]["price"], reports[0]["currency"]) == (None, None)
    assert (reports[1]["price"], reports[1]["currency"]) == (2.5, "EUR")


def test_resume_of_another_configuration_names_the_difference(ray_bench, launcher, results):
    ray_bench("run", *SMALL, "lr=0.05", "--results", results)
    outcome = ray_bench("run", *SMALL, "epochs=2", "lr=1e-3", "--results", results, "--resume")
    assert outcome.code == 2
    assert "differs in lr (was 0.05, now 0.001), epochs (was 1, now 2)." in outcome.err


def test_a_sweep_is_called_what_was_asked_from_its_start(ray_bench, launcher, results):
    launcher.stop_after = 1
    words = ("--name", "baseline", "--tag", "nightly", "--note", "before the update")
    assert ray_bench("run", *SMALL, "--results", results, *words).code == 130
    (listed,) = json.loads(ray_bench("list", results, "--format", "json").out)
    assert [listed[x] for x in ("name", "tags", "note", "state")] == [
        "baseline",
        ["nightly"],
        "before the update",
        "unfinished",
    ]
    launcher.stop_after = None
    outcome = ray_bench("run", *SMALL, "--results", results, "--name", "baseline")
    assert (outcome.code, "has the name 'baseline' already" in outcome.err) == (2, True)
    assert len(launcher.calls) == 1


def test_an_older_sweep_is_resumed_by_its_name(ray_bench, launcher, results):
    launcher.stop_after = 1
    ray_bench("run", *SMALL, "--results", results, "--name", "first")
    launcher.stop_after = None
    ray_bench("run", *SMALL, "--results", results)
    ray_bench("run", *SMALL, "lr=1e-3", "--results", results, "--tag", "other")
    outcome = ray_bench("run", *SMALL, "--results", results, "--resume", "--sweep", "first")
    assert outcome.code == 0, outcome.err
    assert "skipping 1 of 4 runs" in outcome.err
    wrong = ray_bench("run", *SMALL, "--results", results, "--resume", "--sweep", "other")
    assert (wrong.code, "differs in lr (was 0.001" in wrong.err) == (2, True), wrong.err
    assert ray_bench("run", *SMALL, "--results", results, "--sweep", "first").code == 2


def test_resume_of_nothing(ray_bench, launcher, results):
    outcome = ray_bench("run", *SMALL, "--results", results, "--resume")
    assert outcome.code == 2
    assert "nothing to resume" in outcome.err


def test_a_new_sweep_beside_an_unfinished_one_is_noted(ray_bench, launcher, results):
    launcher.stop_after = 1
    ray_bench("run", *SMALL, "--results", results)
    launcher.stop_after = None
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 0
    assert "unfinished sweep of this configuration (1 of 4 runs finished)" in outcome.err
    sweeps = ResultsStore(results).sweeps()
    assert len({sweep.sweep_id for sweep in sweeps}) == 2
    assert "note:" not in ray_bench("run", *SMALL, "--results", results).err


def test_dry_run_prints_the_plan_and_writes_nothing(ray_bench, launcher, results, tmp_path):
    outcome = ray_bench("run", *SMALL, "--results", results, "--dry-run")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "4 runs of cnn-digits, strong scaling, 1 epochs"
    assert [line.split()[0] for line in lines[4:8]] == ["0", "1", "2", "3"]
    assert "How long it takes is unknown" in outcome.out
    assert "This machine has" in outcome.out
    assert list(tmp_path.iterdir()) == []
    assert launcher.calls == []


def test_dry_run_lists_placements_and_what_they_leave_out(ray_bench, launcher, results):
    asked = ("world_sizes=[1,2,4]", "workers_per_node=[1,4]")
    outcome = ray_bench("run", *SMALL, "repeats=1", *asked, "--results", results, "--dry-run")
    rows = [line.split() for line in outcome.out.splitlines() if line.strip()[:1].isdigit()][1:]
    places = {(row[1], row[2]) for row in rows}
    assert places == {("1", "-"), ("2", "2x1"), ("4", "4x1"), ("4", "1x4")}
    assert "note: workers_per_node does not divide every world size" in outcome.err


def test_one_worker_runs_first_in_the_middle_and_last(ray_bench, launcher, results):
    lines = ray_bench("run", *SMALL[:-1], "--results", results, "--dry-run").out.splitlines()
    assert lines[0].startswith("5 runs of cnn-digits")
    assert [line.split()[1] for line in lines[4:9]] == ["1", "2", "1", "2", "1"]


TIMED = {"setup_s": 2.0, "train_s": 10.0, "num_train_samples": 1000, "num_epochs": 1.0}


def test_dry_run_says_how_long_and_how_much_from_earlier_runs(ray_bench, launcher, results):
    launcher.run_fields = TIMED
    ray_bench("run", *SMALL, "--results", results)
    outcome = ray_bench(
        "run", *SMALL, "price_per_worker_hour=36", "--results", results, "--dry-run"
    )
    assert "6 s to 9 s" in outcome.out.splitlines()[4]
    assert "Expected: 31 s to 47 s, " in outcome.out
    assert "USD (from 2 earlier runs)." in outcome.out


def test_dry_run_says_that_a_machine_is_too_small(ray_bench, launcher, results):
    outcome = ray_bench(
        "run", *SMALL, "world_sizes=[1,64]", "batch_size=64", "cpus_per_worker=64",
        "--results", results, "--dry-run",
    )  # fmt: skip
    assert outcome.code == 0
    assert "It does not fit: World size 64 needs 4096 CPUs" in outcome.out


def test_a_run_that_the_budget_ended_is_no_failure_and_another_one_is(ray_bench, launcher, results):
    launcher.fail = lambda planned: True
    money = ["price_per_worker_hour=360", "--budget", "2USD", "--results", results]
    assert ray_bench("run", *SMALL, *money).code == 1
    launcher.fail_as = "interrupted"
    outcome = ray_bench("run", *SMALL, *money)
    assert outcome.code == 0
    assert "Within the budget of 2USD: 0 of 4 runs." in outcome.err
    assert "failed" not in outcome.err


def test_a_budget_takes_what_tells_most_and_says_what_is_left(ray_bench, launcher, results):
    launcher.run_fields = {**TIMED, "wall_s": 12.3}
    money = ["price_per_worker_hour=360", "--budget", "5USD"]  # 0.1 a worker and second
    outcome = ray_bench("run", *SMALL, *money, "--results", results)
    assert outcome.code == 0, outcome.err
    stored = ResultsStore(results).read()
    assert [run.point.world_size for run in stored.runs] == [1, 2]
    assert "Within the budget of 5USD: 2 of 4 runs." in outcome.err
    again = ray_bench("run", *SMALL, money[0], "--results", results, "--resume")
    assert again.code == 0
    assert len(ResultsStore(results).read().ok_runs) == 4


STOP = [*SMALL, "stop.half_width=0.01"]


def quiet(size, repeat):
    return 100.0 * size * (1 + 1e-4 * repeat)


def noisy(size, repeat):
    return 100.0 * size * (1 + 0.3 * (repeat % 2))


def test_repeats_go_on_until_the_speedups_are_narrow(ray_bench, launcher, results):
    launcher.speed = quiet
    outcome = ray_bench("run", *STOP, "--results", results)
    assert (outcome.code, outcome.out) == (0, "T:16 ok, in short\n")
    assert "[16/16]" in outcome.err
    stored = ResultsStore(results).read()
    assert (stored.stop.reason, stored.stop.num_repeats) == ("narrow_enough", 8)
    assert stored.stop.half_width_frac < stored.stop.wanted_half_width_frac == 0.01
    orders = [run.order_index for run in stored.runs]
    assert orders == list(range(16))


def test_dry_run_says_that_repeats_may_follow(ray_bench, launcher, results):
    lines = ray_bench("run", *STOP, "--results", results, "--dry-run").out.splitlines()
    assert lines[0].startswith("4 runs of cnn-digits")
    assert lines[1].endswith("32 at most, until every speedup's half-width is 1.00% or less.")


def test_repeats_end_at_the_largest_number(ray_bench, launcher, results):
    launcher.speed = noisy
    ray_bench("run", *STOP, "stop.max_repeats=7", "--results", results)
    stop = ResultsStore(results).read().stop
    assert (stop.reason, stop.num_repeats) == ("max_repeats", 7)
    assert stop.half_width_frac > 0.1


def test_a_budget_ends_the_repeats_round_by_round(ray_bench, launcher, results):
    launcher.speed = noisy
    # Every made-up run says that it took 12.3 s, but only those of earlier calls count.
    launcher.stop_after = 9
    ray_bench("run", *STOP, "stop.budget_s=100", "--results", results)
    launcher.stop_after = None
    assert ray_bench("run", *STOP, "stop.budget_s=100", "--results", results, "--resume").code == 0
    stored = ResultsStore(results).read()
    assert (stored.stop.reason, stored.stop.num_repeats) == ("budget", 5)
    assert len(stored.ok_runs) == 10


def test_an_interrupted_stop_rule_goes_on(ray_bench, launcher, results):
    launcher.speed, launcher.stop_after = quiet, 7
    assert ray_bench("run", *STOP, "--results", results).code == 130
    assert "unfinished sweep" in ray_bench("run", *STOP, "--results", results, "--dry-run").err
    launcher.stop_after = None
    outcome = ray_bench("run", *STOP, "--results", results, "--resume")
    assert (outcome.code, outcome.out) == (0, "T:16 ok, in short\n")
    assert "skipping 7 of 8 runs" in outcome.err
    num_calls = len(launcher.calls)
    assert ray_bench("run", *STOP, "--results", results, "--resume").out == "T:16 ok, in short\n"
    assert len(launcher.calls) == num_calls


def test_a_world_size_that_always_fails_is_not_repeated(ray_bench, launcher, results):
    launcher.fail = lambda planned: planned.point.world_size == 2
    outcome = ray_bench("run", *STOP, "--results", results)
    assert (outcome.code, outcome.out) == (1, "T:2 ok, in short\n")
    assert ResultsStore(results).read().stop is None


def test_a_stop_rule_needs_a_speedup(ray_bench, launcher, results):
    outcome = ray_bench("run", *STOP, "world_sizes=[2]", "--results", results)
    assert outcome.code == 2
    assert "world_sizes is [2]; give two world sizes or more" in outcome.err
    assert ResultsStore(results).sweeps() == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "epoch=3"], "Unknown key `epoch`. Did you mean `epochs`?"),
        (["demo", "data.stand=true"], "Unknown key `data.stand`. Did you mean `standin`?"),
        (["workload=cnn-digit"], "did you mean 'cnn-digits'"),
        (["dmo"], "Did you mean 'demo'?"),
        (["demo", "lr=nan"], "`lr`: must be a finite number, got nan."),
        (["workload=cnn-digits", "world_sizes=[1,3]"], "take a multiple of 3"),
        ([], "`workload` is not set"),
        (["workload=nowhere.to:Find"], "nowhere"),
    ],
)
def test_wrong_requests(ray_bench, launcher, results, arguments, message, tmp_path):
    outcome = ray_bench("run", *arguments, "--results", results)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert message in outcome.err
    assert launcher.calls == []
    assert list(tmp_path.iterdir()) == []


def test_missing_data_is_found_before_anything_starts(ray_bench, launcher, results, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = ray_bench(
        "run", "workload=resnet18-cifar10", f"data.dir={tmp_path}/empty", "--results", results
    )
    assert outcome.code == 1
    assert "cifar10" in outcome.err.lower()
    assert launcher.calls == []
    assert ResultsStore(results).sweeps() == ()


def test_results_that_cannot_be_written_stop_it_before_training(ray_bench, launcher, results):
    with open(results, "w") as file:
        file.write("a file in place of the folder")
    outcome = ray_bench("run", *SMALL, "--results", results)
    assert outcome.code == 1
    assert "Cannot write" in outcome.err
    assert launcher.calls == []


def test_runs_are_on_disk_the_moment_they_end(ray_bench, launcher, results, tmp_path):
    seen = []
    launcher.fail = lambda planned: bool(seen.append(len(_run_files(tmp_path)))) or False
    ray_bench("run", *SMALL, "--results", results)
    assert seen == [0, 1, 2, 3]
    assert pq.read_table(_run_files(tmp_path)[0]).num_rows == 1


def _run_files(tmp_path):
    return list((tmp_path / "results" / "runs").rglob("*.parquet"))
