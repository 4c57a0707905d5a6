"""Tests of `ray-bench report`, with short texts in place of reports."""

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
    assert (outcome.code, outcome.out) == (0, "T:1 ok\n")
    assert (tmp_path / "results" / "report.json").read_text() == '{"r": "1 ok"}'
    assert "report.md" in outcome.err


@pytest.mark.parametrize(
    ("form", "text"), [("md", "# 1 ok\n"), ("json", '{"r": "1 ok"}\n'), ("terminal", "T:1 ok\n")]
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
