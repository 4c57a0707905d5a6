"""The table of what faults cost: there where there were faults, and only there."""

from __future__ import annotations

from dataclasses import replace

from ray_bench.report.model import build_report
from tests.report.reports import tables
from tests.synthetic import synthetic


def test_a_sweep_without_faults_has_no_such_table():
    results = synthetic()
    assert "fault_costs" not in tables(build_report(results, attempts=results.runs))


def test_lost_attempts_are_listed_with_their_price():
    results = synthetic()
    first = results.runs[0]
    lost = replace(
        first, attempt=1, status="preempted", error_type="PreemptionError", wall_s=first.wall_s / 2
    )
    attempts = (lost, replace(first, attempt=2), *results.runs[1:])
    report = build_report(results, attempts=attempts, price_per_worker_hour=3.6, currency="EUR")
    found = tables(report)["fault_costs"]
    assert [cell.value for cell in found.rows[0][2:4]] == ["preempted", "PreemptionError"]
    assert (found.rows[0][-1].currency, found.rows[0][-1].kind) == ("EUR", "derived")
    assert "1 attempt came to nothing" in found.notes[0]
