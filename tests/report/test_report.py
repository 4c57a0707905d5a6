"""The report as a whole: every table is there, every renderer draws every number."""

import json

import pytest

from ray_bench.report.format import show
from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import escape, markdown_report
from ray_bench.report.model import build_report
from tests.report.reports import CASES, column, tables, terminal
from tests.synthetic import synthetic

SEED_TABLES = (
    *("summary", "training_time", "resources", "accuracy", "communication", "phases"),
    *("phase_speedup", "time_savings", "cost", "predictions", "amdahl_curve", "code_needs"),
    *("hardware_needs", "when_to_use", "findings", "recommendation", "aspects"),
)


@pytest.mark.parametrize("case", CASES)
def test_every_renderer_draws_every_number(case):
    report = build_report(synthetic(**CASES[case]))
    markdown, drawn = markdown_report(report), terminal(report)
    values = json.loads(json_report(report))
    assert len(values["sections"]) == len(report.sections)
    for table in tables(report).values():
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
    drawn = terminal(build_report(synthetic(**CASES[case])), width)
    assert max(len(line) for line in drawn.splitlines()) <= width


@pytest.mark.parametrize("key", SEED_TABLES)
@pytest.mark.parametrize("case", ["strong", "weak"])
def test_every_table_of_the_hand_written_reports_is_computed(key, case):
    table = tables(build_report(synthetic(**CASES[case])))[key]
    assert table.rows
    assert len({len(row) for row in table.rows}) == 1


@pytest.mark.parametrize(
    ("key", "name", "kind"),
    [
        ("summary", "speedup", "measured"),
        ("training_time", "epoch", "derived"),
        ("predictions", "speedup", "predicted"),
        ("predictions", "measured_speedup", "measured"),
        ("predictions", "cost", "predicted"),
        ("cost", "cost", "derived"),
        ("amdahl_curve", "law", "predicted"),
        ("resources", "memory", "measured"),
    ],
)
def test_every_number_says_what_it_is(key, name, kind):
    cells = [c for c in column(build_report(synthetic()), key, name) if c.value is not None]
    assert cells
    assert {cell.kind for cell in cells} == {kind}


def test_every_prediction_has_an_interval():
    for cell in column(build_report(synthetic()), "predictions", "total_time"):
        assert cell.low <= cell.value <= cell.high
    bare = build_report(synthetic(repeats=1, with_blocks=False))
    assert {cell.value for cell in column(bare, "predictions", "speedup")} == {None}


def test_price_of_the_call_wins():
    report = build_report(synthetic(), price_per_worker_hour=3.0, currency="EUR")
    twice = column(report, "cost", "cost")[0]
    once = column(build_report(synthetic()), "cost", "cost")[0]
    assert twice.value == pytest.approx(2 * once.value)
    assert "EUR" in markdown_report(report)


def test_without_a_price_the_report_says_how_to_give_one():
    report = build_report(synthetic(price=None))
    assert {cell.value for cell in column(report, "cost", "cost")} == {None}
    assert "--price 1.5" in terminal(report)
    assert "price_per_worker_hour=1.5" in terminal(report)


def test_500_runs():
    results = synthetic((1, 2, 4, 8), repeats=125)
    report = build_report(results)
    assert len(tables(report)["runs"].rows) == 500
    assert "5.9" in report.answer
    markdown_report(report)


@pytest.mark.parametrize("draw", [terminal, markdown_report])
def test_without_a_price_costs_are_a_line_in_the_text_and_null_in_json(draw):
    report = build_report(synthetic(price=None))
    assert "USD" not in draw(report).split("How it was measured")[0]
    assert draw(report).count("No price given") == 1
    values = json.loads(json_report(report))
    (cost,) = [t for s in values["sections"] for t in s["tables"] if t["key"] == "cost"]
    assert {row["cost"]["value"] for row in cost["rows"]} == {None}
    assert "USD" in draw(build_report(synthetic()))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("overhead", "sync"),
        ("overhead", "coordination"),
        ("resources", "energy_ratio"),
        ("training_time", "whole"),
        ("communication", "exposed_epoch"),
        ("code_needs", "added_lines"),
        ("time_savings", "saved_ten"),
    ],
)
def test_numbers_of_the_hand_written_reports_are_there(key, name):
    cells = column(build_report(synthetic(energy_j=100.0)), key, name)
    assert any(cell.value is not None for cell in cells)


def test_evaluation_and_checkpoint_are_shown_beside_the_step():
    report = build_report(synthetic((1, 2), checkpoint_s=0.25))
    assert {cell.value for cell in column(report, "between_steps", "checkpoint")} == {0.25}
    evals = column(report, "between_steps", "eval")
    assert evals[0].value == pytest.approx(tables(report)["training_time"].rows[0][3].value / 10)
