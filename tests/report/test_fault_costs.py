"""The table of what faults cost: there where there were faults, and only there."""

from __future__ import annotations

from dataclasses import replace

from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from ray_bench.report.sections.faults import fault_section
from tests.synthetic import synthetic


def test_a_sweep_without_faults_has_no_such_section():
    results = synthetic()
    assert fault_section(results.runs, price_per_worker_hour=None, currency="USD") == ()


def test_lost_attempts_are_listed_with_their_price_before_how_it_was_measured():
    results = synthetic()
    first = results.runs[0]
    lost = replace(
        first, attempt=1, status="preempted", error_type="PreemptionError", wall_s=first.wall_s / 2
    )
    attempts = (lost, replace(first, attempt=2), *results.runs[1:])
    report = build_report(results, attempts=attempts, price_per_worker_hour=3.6, currency="EUR")
    keys = [section.key for section in report.sections]
    assert keys.index("faults") + 1 == keys.index("record")
    text = markdown_report(report)
    assert "What faults cost" in text
    assert "| preempted | PreemptionError |" in text
    assert "1 attempt came to nothing" in text
