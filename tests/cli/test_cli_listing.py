"""Tests of `ray-bench list`."""

import json
from datetime import timedelta

import pytest

from ray_bench.store.answers import AnswerRecord, basis_of
from tests.samples import START, make_data, make_sweep

CONFIG = json.dumps({"workload": "cnn-digits", "world_sizes": [1, 2]})


@pytest.fixture
def filled(store):
    """A sweep that failed, one that a second attempt completed, and one that is unfinished."""
    for number, sweep_id in enumerate(("bad", "whole", "begun")):
        created = START + timedelta(hours=number)
        store.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, config_json=CONFIG))
        store.write_run(make_data(sweep_id=sweep_id, status="failed", with_tables=False))
    store.write_run(make_data(sweep_id="bad", run_id="b", with_tables=False))
    store.write_run(make_data(sweep_id="whole", run_id="b", with_tables=False))
    store.write_run(make_data(sweep_id="whole", attempt=2, with_tables=False))
    return store


def answer(store, sweep_id, **changes):
    runs = store.runs(sweep_id)
    values = {
        "sweep_id": sweep_id,
        "made_at_utc": START,
        "ray_bench_version": "0.1.0",
        "basis": basis_of((run.run_id, run.attempt, run.status) for run in runs),
        "lead": "Use 2 workers: 1.79x (1.71 to 1.88).",
        "world_size": 2,
        "hardware": "8-core EPYC",
        "figures_json": '[{"key": "speedup", "value": 1.79}]',
        "num_caveats": 3,
    }
    store.write_answer(AnswerRecord(**values | changes))


def test_sweeps_newest_first_each_with_its_answer(ray_bench, filled):
    answer(filled, "whole")
    filled.label("whole", name="baseline", added=("nightly",), note="two\nlines")
    begun, whole, bad = ray_bench("list", filled.root).out.split("\n\n")
    assert begun.splitlines() == [
        "begun  2026-01-02 05:04  unfinished",
        "  cnn-digits, workers 1, 2, 0 of 2 runs, 1 failed",
        "  No answer: no run has finished.",
    ]
    assert whole.splitlines() == [
        "whole  2026-01-02 04:04  finished  baseline  +nightly",
        "  cnn-digits, workers 1, 2, 2 of 2 runs, 8-core EPYC",
        "  Use 2 workers: 1.79x (1.71 to 1.88).",
        "  Note: two lines",
    ]
    assert bad.splitlines()[2:] == [
        f"  Not yet analysed; ray-bench report {filled.root} --sweep bad"
    ]


def test_an_answer_counts_until_the_runs_are_others(ray_bench, filled):
    answer(filled, "bad")
    answer(filled, "whole", ray_bench_version="0.0.1")
    filled.write_run(make_data(sweep_id="bad", attempt=2, with_tables=False))
    found = ray_bench("list", filled.root).out
    assert "Out of date, for there are other runs now; ray-bench report" in found
    assert "(1.71 to 1.88). (by ray_bench 0.0.1)" in found
    values = json.loads(ray_bench("list", filled.root, "--format", "json").out)
    by_id = {x["sweep_id"]: x["answer"] for x in values}
    assert by_id["begun"] is None
    assert [by_id[x]["is_current"] for x in ("bad", "whole")] == [False, True]


def test_json_and_what_is_asked_for(ray_bench, filled):
    answer(filled, "whole")
    filled.label("whole", added=("nightly", "x"))
    filled.label("bad", added=("nightly",))

    def found(*words):
        return json.loads(ray_bench("list", filled.root, "--format", "json", *words).out)

    (newest,) = found("--limit", "1")
    assert newest["sweep_id"] == "begun"
    assert [newest[f"num_{x}"] for x in ("done", "failed", "planned")] == [0, 1, 2]
    assert newest["world_sizes"] == [1, 2]
    assert [x["sweep_id"] for x in found("--tag", "nightly")] == ["whole", "bad"]
    (whole,) = found("--tag", "nightly", "--tag", "x")
    assert whole["answer"]["figures"] == [{"key": "speedup", "value": 1.79}]
    assert [x["sweep_id"] for x in found("--state", "failed")] == ["bad"]
    assert len(found("--workload", "cnn-*")) == 3
    assert found("--workload", "cnn") == []
    assert "2 older ones" in ray_bench("list", filled.root, "--limit", "1").err
    assert ray_bench("list", filled.root, "--tag", "?").err.startswith("None of the 3 sweeps in")


def test_nothing_there(ray_bench, store):
    outcome = ray_bench("list", store.root)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == f"There are no sweeps in {store.root}.\n"
    assert ray_bench("list", store.root, "--format", "json").out == "[]\n"


def test_no_text_can_steer_the_terminal(ray_bench, store):
    sweep_id = "a\x1b[2J\nb"
    store.write_sweep(make_sweep(sweep_id=sweep_id, config_json="[" * 100_000))
    store.write_run(make_data(sweep_id=sweep_id, with_tables=False))
    answer(store, sweep_id, lead="x\x1b[2J", hardware="\x9bH", basis="other")
    store.label(sweep_id, note="a\x1b]0;b\x07")
    for words in (("list", store.root), ("tag", store.root, sweep_id)):
        out = ray_bench(*words).out
        assert "a?[2J?b" in out
        assert all(c.isprintable() or c == "\n" for c in out)


def test_the_old_name_of_the_command(ray_bench, filled):
    assert ray_bench("sweeps", filled.root).out == ray_bench("list", filled.root).out
    assert "  sweeps  " not in ray_bench("--help").out


@pytest.mark.parametrize("status", ["diverged", "stopped"])
def test_a_run_that_diverged_is_a_result_and_no_failure(ray_bench, store, status):
    store.write_sweep(make_sweep(sweep_id="steep", created_at_utc=START, config_json=CONFIG))
    store.write_run(make_data(sweep_id="steep", status=status, with_tables=False))
    store.write_run(make_data(sweep_id="steep", run_id="b", with_tables=False))
    lines = ray_bench("list", store.root).out.splitlines()
    assert lines[0] == "steep  2026-01-02 03:04  finished"
    assert lines[1] == "  cnn-digits, workers 1, 2, 1 of 2 runs, 1 diverged or stopped"
