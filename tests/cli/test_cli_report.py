"""Tests of `ray-bench report`, with short texts in place of reports."""

import json

import pytest

from ray_bench.store import ResultsStore
from tests.samples import START, make_data, make_sweep


@pytest.fixture
def results(tmp_path):
    store = ResultsStore(tmp_path / "results")
    store.write_sweep(make_sweep(run_ids=("a",)))
    store.write_run(make_data())
    store.write_sweep(make_sweep(sweep_id="older", created_at_utc=START.replace(year=2020)))
    return store.root


def test_it_is_printed_and_written(ray_bench, reports, results, tmp_path):
    outcome = ray_bench("report", results)
    assert (outcome.code, outcome.out) == (0, "T:1 ok, in short\n")
    assert "The same, as it is the newest sweep: " in outcome.err
    assert (tmp_path / "results" / "report.json").read_text() == '{"r": "1 ok"}'
    assert (tmp_path / "results" / "report.html").read_text() == "<p>1 ok</p>"
    assert all(f"report.{form}" in outcome.err for form in ("html", "md", "json"))


def test_reports_of_several_sweeps_do_not_overwrite_each_other(
    ray_bench, reports, results, tmp_path
):
    folder = tmp_path / "results"
    ray_bench("report", results)
    outcome = ray_bench("report", results, "--sweep", "older")
    assert "newest" not in outcome.err
    assert (folder / "report.md").read_text() == "# 1 ok\n"
    found = {x.parent.name: x.read_text() for x in folder.glob("reports/*/report.md")}
    assert found == {"20260102T030405Z-abcdef": "# 1 ok\n", "older": "# 0 ok\n"}


def test_the_answer_is_kept_for_the_usual_aim_alone(ray_bench, reports, results):
    def listed():
        found = json.loads(ray_bench("list", results, "--format", "json").out)
        return [x["answer"] and x["answer"]["lead"] for x in found]

    ray_bench("report", results, "--aim", "fastest")
    ray_bench("report", results, "--max-workers", "64")
    assert listed() == [None, None]
    ray_bench("report", results, "--price", "2")
    assert listed() == ["1 ok", None]


def test_the_answer_is_printed_where_nothing_can_be_written(ray_bench, reports, results, tmp_path):
    (tmp_path / "results" / "reports").write_text("in the way")
    outcome = ray_bench("report", results)
    assert (outcome.code, outcome.out) == (1, "T:1 ok, in short\n")
    assert "Cannot write" in outcome.err


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("html", "<p>1 ok</p>\n"),
        ("md", "# 1 ok\n"),
        ("json", '{"r": "1 ok"}\n'),
        ("terminal", "T:1 ok\n"),
    ],
)
def test_one_form_goes_to_stdout_alone(ray_bench, reports, results, tmp_path, form, text):
    outcome = ray_bench("report", results, "--format", form)
    assert (outcome.code, outcome.out, outcome.err) == (0, text, "")
    assert not (tmp_path / "results" / f"report.{form}").exists()


def test_output_goes_to_a_file(ray_bench, reports, results, tmp_path):
    path = tmp_path / "out" / "r.txt"
    outcome = ray_bench("report", results, "--format", "terminal", "--output", str(path))
    assert (outcome.code, outcome.out) == (0, "")
    assert path.read_text() == "T:1 ok\n"


def test_a_sweep_and_a_price_can_be_chosen(ray_bench, reports, results):
    ray_bench("report", results, "--sweep", "older", "--price", "3.06", "--currency", "EUR")
    assert reports[0]["results"].sweep.sweep_id == "older"
    assert (reports[0]["price"], reports[0]["currency"]) == (3.06, "EUR")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "error: nowhere does not exist. Measure first"),
        (["{results}", "--sweep", "oldr"], 1, "Did you mean 'older'?"),
        (["{results}", "--price", "-1"], 2, "price"),
        (["{results}", "--format", "pdf"], 2, "pdf"),
    ],
)
def test_wrong_requests(ray_bench, reports, results, arguments, code, message):
    outcome = ray_bench("report", *(word.format(results=results) for word in arguments))
    assert outcome.code == code
    assert message in outcome.err


def test_a_listed_price_is_named_with_its_date(ray_bench, reports, results):
    outcome = ray_bench("report", results, "--price-of", "aws/p4d.24xlarge", "--aim", "fastest")
    assert reports[0]["price"] == pytest.approx(21.957642 / 8)
    assert reports[0]["currency"] == "USD"
    assert reports[0]["ask"]["aim"] == "fastest"
    assert "list price of 2026-08-26" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--price-of", "aws/p4d.24xlarge", "--price", "3"], "give one of them"),
        (["--price-of", "aws/p4d.24xlarge", "--currency", "EUR"], "is listed in USD, not in EUR"),
        (["--price-of", "cray-1"], "There is no price of 'cray-1'"),
        (["--epochs", "0"], "--epochs has to be above 0"),
        (["--target", "90"], "a share of 9000 %; it has to be above 0 and at most 100 %"),
        (["--target", "accuracy"], "like 'accuracy>=0.9'"),
        (["--max-workers", "0"], "max-workers"),
    ],
)
def test_wrong_wishes(ray_bench, reports, results, arguments, message):
    outcome = ray_bench("report", results, *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert not reports


def test_an_aim_that_cannot_be_read_says_what_to_write(ray_bench, results):
    outcome = ray_bench("report", results, "--aim", "deadline=soon")
    assert outcome.code == 2
    assert "write it like 45s, 30min or 2h" in outcome.err


def test_prices_are_listed(ray_bench):
    outcome = ray_bench("prices", "a100", "aws")
    assert outcome.code == 0
    assert "aws/p4d.24xlarge" in outcome.out
    assert "2026-08-26" in outcome.out
    assert "V100" not in outcome.out
    values = json.loads(ray_bench("prices", "--format", "json").out)
    assert all(row["date"] and row["source"] and row["price_per_worker_hour"] > 0 for row in values)
    assert ray_bench("prices", "abacus").code == 2
