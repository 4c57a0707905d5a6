"""`report --failures`: each failed attempt with its causes, traceback, time and what to do."""

from __future__ import annotations

import json
import unicodedata

import pytest

from ray_bench.causes import REMEDIES
from ray_bench.cli.main import main
from ray_bench.records import MAX_TRACEBACK_CHARS, FailureRecord, Results, RunData
from ray_bench.report.failures import failures_report
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from ray_bench.report.sections.record import INVALID_REMEDIES
from ray_bench.store import ResultsStore
from tests.report.hostile import HOSTILE
from tests.report.reports import tables, terminal
from tests.report.test_json_schema import CLOSED
from tests.samples import make_run, make_sweep
from tests.test_causes import ACTIONABLE

GLOO = "[gloo] Connection closed by peer"


def failure(rank=1, kind="ValueError", words="bad data", part="run", trace="Traceback\n  here"):
    return FailureRecord(
        run_id="a", part=part, rank=rank, error_type=kind, error_message=words,
        error_traceback=trace,
    )  # fmt: skip


def failed(**changes):
    values = {
        "status": "failed", "error_type": "ValueError", "error_message": "bad data",
        "error_rank": 1, "throughput_samples_per_s": None,
    }  # fmt: skip
    return make_run(**{**values, **changes})


def report_of(*found, run=None):
    run = run or failed(wall_s=12.34, wait_s=2.0, num_steps=7)
    results = Results(sweep=make_sweep(run_ids=("a",)), runs=(run,))
    return failures_report(results, [run], {("a", 1): found})


def test_each_attempt_has_its_causes_traceback_time_and_remedy():
    report = report_of(failure(), failure(0, "ConnectionLost", GLOO, trace="lost"))
    assert report.answer == "1 of 1 attempt failed."
    overview, section = report.sections
    row = dict(
        zip((x.key for x in overview.tables[0].columns), overview.tables[0].rows[0], strict=True)
    )
    assert (row["wall"].value, row["wait"].value, row["rank"].value) == (12.34, 2.0, 1)
    assert row["cause"].value == "ValueError: bad data"
    assert "12.3 s, after waiting 2.0 s for places, 7 steps made" in section.paragraphs[0]
    assert [cell[0].value for cell in section.tables[0].rows] == [1, 0]
    # What a rank says that lost another one is no cause.
    assert section.code == "Rank 1:\nTraceback\n  here"


def test_ranks_that_say_the_same_share_a_traceback_and_many_are_bounded():
    same = report_of(failure(0), failure(1)).sections[1].code
    assert same == "Rank 0, 1:\nTraceback\n  here"
    many = report_of(*(failure(rank, trace=f"trace {rank}") for rank in range(9)))
    assert many.sections[1].code.count("Rank ") == 3
    assert many.sections[1].code.endswith("6 more tracebacks in the table failures.")


def test_a_run_that_an_older_version_has_stored_has_what_it_has_itself():
    run = failed(error_type="RuntimeError", error_message=GLOO, error_traceback="old trace")
    section = report_of(run=run).sections[1]
    assert section.code == "Rank 1:\nold trace"
    assert REMEDIES["ConnectionLost"] in section.paragraphs[1]


def test_a_run_that_came_to_its_end_shows_what_it_goes_without():
    report = report_of(failure(part="noise"), run=make_run(flags=("noise_failed",)))
    assert "0 of 1 attempt failed; 1 came to their end without" in report.answer
    assert "ok, without the noise pass" in markdown_report(report)
    assert "Or leave it out with measure.noise_steps=0" in report.sections[1].paragraphs[1]


def test_where_nothing_failed_that_is_said():
    report = report_of(run=make_run())
    assert report.answer == "Nothing failed: 1 attempt came to their end."
    assert report.sections == ()


@pytest.mark.parametrize("text", [HOSTILE, "x" * 10**6, "\x1b]0;title\x07\n" * 10**4])
def test_hostile_and_huge_texts_are_bounded_and_do_nothing(text):
    found = [failure(rank, text, text, trace=text + str(rank)) for rank in range(5)]
    run = failed(error_type=text, error_message=text, error_traceback=text)
    report = report_of(*found, run=run)
    for written in (markdown_report(report), json_report(report), terminal(report, 120)):
        live = {ch for ch in written if unicodedata.category(ch) in ("Cc", "Cf", "Zl", "Zp")}
        assert live <= {"\n"}
        assert len(written) < 20 * MAX_TRACEBACK_CHARS
    assert not list(CLOSED.iter_errors(json.loads(json_report(report))))


@pytest.fixture
def stored(tmp_path):
    store = ResultsStore(tmp_path)
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(RunData(run=failed(), failures=(failure(), failure(0, words="other"))))
    lost = failure(part="trace", words="no profiler")
    run = make_run(attempt=2, flags=("trace_failed",))
    store.write_run(RunData(run=run, failures=(lost,)))
    return store


def test_failures_come_back_from_the_store_by_attempt(stored):
    sweep_id = make_sweep().sweep_id
    found = stored.failures(sweep_id)
    assert found["a", 1] == (failure(), failure(0, words="other"))
    assert found["a", 2] == (failure(part="trace", words="no profiler"),)
    # The run as it is read has its newest attempt.
    assert stored.read().failures == found["a", 2]


@pytest.mark.parametrize("form", ["terminal", "md", "json", "html", "csv"])
def test_the_command_prints_it_in_every_form(stored, capsys, form):
    with pytest.raises(SystemExit, match="0"):
        main(["report", stored.root, "--failures", "--format", form])
    said = " ".join(capsys.readouterr().out.split())
    assert "bad data" in said
    assert "no profiler" in said
    if form != "csv":
        assert "1 of 2 attempts failed; 1 came to their end" in said


def test_the_command_prints_to_the_terminal_where_no_form_is_given(stored, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["report", stored.root, "--failures"])
    assert "What failed" in capsys.readouterr().out
    assert not (stored.local_folder / "report.md").exists()


def test_the_report_lists_what_finished_runs_go_without(stored):
    found = tables(build_report(stored.read()))["runs"]
    keys = [column.key for column in found.columns]
    (row,) = [dict(zip(keys, x, strict=True)) for x in found.rows if x[0].value == "a"]
    said = [row[key].value for key in ("state", "rank", "cause")]
    assert said == ["ok, without the trace", 1, "ValueError: no profiler"]


@pytest.mark.parametrize("flag", INVALID_REMEDIES)
def test_what_makes_a_run_invalid_has_a_remedy_that_names_what_to_do(flag):
    assert ACTIONABLE.search(INVALID_REMEDIES[flag])
