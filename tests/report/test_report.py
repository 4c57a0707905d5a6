"""The report as a whole: every table is there, every renderer draws every number."""

import json

import pytest

from ray_bench.report.format import show
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import escape, markdown_report
from ray_bench.report.model import build_report
from tests.report.reports import CASES, column, report_of, tables, terminal
from tests.synthetic import synthetic


@pytest.mark.parametrize("case", CASES)
def test_every_renderer_draws_every_number(case):
    report = report_of(case)
    markdown, drawn = markdown_report(report), terminal(report)
    values = json.loads(json_report(report))
    assert len(values["sections"]) == len(report.sections)
    for table in (t for s in report.sections for t in s.tables):
        for row in table.rows:
            for cell in row:
                if isinstance(cell.value, str) or cell.value is None:
                    continue
                shown = show(cell)
                for text in filter(None, (shown.value, shown.interval)):
                    assert text in drawn
                    assert escape(text) in markdown
    assert "None" not in drawn


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_terminal_keeps_its_width(case, width):
    report = report_of(case)
    # A command to copy is one line, whatever its length.
    commands = {x.answer.next.command for x in report.screens if x.answer.next}
    lines = [x for x in terminal(report, width).splitlines() if x.strip() not in commands]
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(
    ("key", "name", "kinds"),
    [
        ("numbers", "speedup", {"measured", "predicted"}),
        ("numbers", "epoch_time", {"derived", "predicted"}),
        ("numbers", "cost", {"derived", "predicted"}),
        ("numbers", "memory", {"measured"}),
        ("amdahl_curve", "law", {"predicted"}),
        ("needs", "total_memory", {"derived"}),
    ],
)
def test_every_number_says_what_it_is(key, name, kinds):
    cells = [c for c in column(report_of("strong"), key, name) if c.value is not None]
    assert cells
    assert {cell.kind for cell in cells} == kinds


def test_every_prediction_has_an_interval():
    for name in ("speedup", "efficiency", "throughput", "run_time", "cost"):
        pairs = zip(
            *(column(report_of("strong"), "numbers", x) for x in ("basis", name)), strict=True
        )
        forecast = [cell for basis, cell in pairs if basis.value == "forecast"]
        assert len(forecast) == 2
        assert all(cell.low <= cell.value <= cell.high for cell in forecast)
    bare = report_of("nothing_within").screens[0].numbers
    assert all(size.is_measured for size in bare.sizes)


def test_price_of_the_call_wins():
    report = build_report(synthetic(), price_per_worker_hour=3.0, currency="EUR")
    twice, once = (column(x, "numbers", "cost")[0] for x in (report, report_of("strong")))
    assert twice.value == pytest.approx(2 * once.value)
    assert (twice.currency, once.currency) == ("EUR", "USD")


def test_500_runs():
    report = build_report(synthetic((1, 2, 4, 8), repeats=125))
    assert len(tables(report)["runs"].rows) == 500
    assert "5.9" in report.answer
    markdown_report(report)


def test_evaluation_and_checkpoint_are_shown_beside_the_step():
    report = build_report(synthetic((1, 2), checkpoint_s=0.25))
    assert {cell.value for cell in column(report, "sync", "checkpoint")} == {0.25}
    (first,) = {run.eval_s for run in synthetic((1,), repeats=1).runs}
    assert column(report, "sync", "eval")[0].value == pytest.approx(first / 10, rel=0.05)
