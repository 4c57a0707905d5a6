"""Losses by cause: points, seconds and money of every world size."""

from __future__ import annotations

import json
import math

import pytest

from ray_bench.report.json_report import json_report
from ray_bench.report.model import build_report
from tests.synthetic import Sync, synthetic


def tables_of(results) -> dict:
    document = json.loads(json_report(build_report(results)))
    (section,) = (x for x in document["sections"] if x["key"] == "waterfall")
    return {table["key"]: table for table in section["tables"]}


def rows_of(results) -> dict[str, dict]:
    """The rows by cause."""
    return {x["name"]["value"]: x for x in tables_of(results)["waterfall"]["rows"]}


def test_from_ideal_the_changes_lead_to_the_measured_efficiency():
    rows = rows_of(synthetic(sync=Sync(contention_s=0.002)))
    *causes, measured, start_up, whole = rows.values()
    for size in (2, 4, 8):
        points = [x[f"points_{size}"] for x in (*causes, measured)]
        assert points[-1]["unit"] == "frac"
        assert 1 + math.fsum(x["value"] for x in points[:-1]) == pytest.approx(
            points[-1]["value"], abs=1e-12
        )
        seconds, money = ([x[f"{k}_{size}"]["value"] for x in causes] for k in ("seconds", "money"))
        assert math.fsum(seconds) == pytest.approx(measured[f"seconds_{size}"]["value"])
        assert math.fsum(money) == pytest.approx(measured[f"money_{size}"]["value"])
        assert measured[f"money_{size}"]["currency"] == "USD"
        both = money_of(measured, size) + money_of(start_up, size)
        assert both == pytest.approx(money_of(whole, size))


def money_of(row, size):
    return row[f"money_{size}"]["value"]


def test_money_is_what_ideal_scaling_would_save():
    row = rows_of(synthetic((1, 2), noise=0.0, price=3600.0))["Measured"]
    # 1 of money a worker and second: N T_N - b T_b of 10 epochs.
    steps = 10 * 50_000 / 128
    lost_s = 2 * 0.128 * (0.05 + 0.95 / 2) - 0.128
    assert row["money_2"]["value"] == pytest.approx(steps * lost_s, rel=1e-3)
    assert row["seconds_2"]["value"] == pytest.approx(lost_s / 2, rel=1e-3)


def test_without_phases_all_is_unexplained_and_it_is_said():
    table = tables_of(synthetic((1, 2), with_phases=False))["waterfall"]
    assert [x["name"]["value"] for x in table["rows"]][:2] == ["Unexplained", "Measured"]
    assert any("measure.phase_steps" in note for note in table["notes"])


def test_one_world_size_has_no_waterfall():
    table = tables_of(synthetic((2,)))["waterfall"]
    assert table["rows"] == []
    assert "Needs another world size" in table["notes"][0]


def test_without_a_price_there_is_no_money():
    report = build_report(synthetic((1, 2), price=None))
    (table,) = [t for s in report.sections for t in s.tables if t.key == "waterfall"]
    drawn = [x.title for x in table.drawn.columns]
    assert "2 workers: Lost per step" in drawn
    assert "2 workers: Costs per run" not in drawn
