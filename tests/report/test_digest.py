"""What of a report a terminal shows at first."""

from dataclasses import replace

from ray_bench.report.digest import digest
from ray_bench.report.model import build_report
from tests.report.reports import terminal
from tests.synthetic import synthetic


def keys(report):
    return [section.key for section in report.sections]


def test_the_answer_and_the_speedups_are_kept_whole():
    report = build_report(synthetic())
    short = digest(report)
    assert short.answer == report.answer
    assert short.flags == report.flags
    assert {"findings", "scaling"} <= set(keys(short)) < set(keys(report))
    kept = {table.key for section in short.sections for table in section.tables}
    assert {"findings", "recommendation", "summary"} <= kept
    assert "communication" not in kept


def test_it_fits_a_few_screens_and_the_report_does_not():
    report = build_report(synthetic())
    short, whole = terminal(digest(report)), terminal(report)
    assert len(short.splitlines()) < 120 < len(whole.splitlines()) / 2
    assert "Speedup against workers" in short
    assert "Configuration" not in short


def test_every_group_is_kept():
    results = synthetic()
    bf16 = [replace(run, point=replace(run.point, precision="bf16")) for run in results.runs]
    short = digest(build_report(replace(results, runs=results.runs + tuple(bf16))))
    tables = {table.key for section in short.sections for table in section.tables}
    assert {"findings", "findings_2", "summary", "summary_2"} <= tables
