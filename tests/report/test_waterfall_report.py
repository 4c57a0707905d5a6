"""The section "Where the efficiency goes"."""

from __future__ import annotations

import json
import math

import pytest

from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from ray_bench.report.model import build_report
from tests.synthetic import Sync, synthetic


def tables_of(results) -> dict:
    document = json.loads(json_report(build_report(results)))
    (section,) = (x for x in document["sections"] if x["key"] == "waterfall")
    return {table["key"]: table for table in section["tables"]}


@pytest.mark.parametrize("key", ["waterfall", "waterfall_run"])
def test_from_ideal_the_changes_lead_to_the_measured_efficiency(key):
    rows = tables_of(synthetic(sync=Sync(contention_s=0.002)))[key]["rows"]
    for size in (2, 4, 8):
        points = [x["points"] for x in rows if x["world_size"]["value"] == size]
        *before, measured = points
        assert (before[0]["value"], measured["unit"]) == (1.0, "frac")
        assert math.fsum(x["value"] for x in before) == pytest.approx(measured["value"], abs=1e-12)
    by_name = {x["step"]["value"]: x["money"] for x in rows if x["world_size"]["value"] == 8}
    whole = by_name.pop("measured")
    parts = [x["value"] for x in by_name.values() if x["value"] is not None]
    assert whole["currency"] == "USD"
    assert math.fsum(parts) == pytest.approx(whole["value"])


def test_money_is_what_ideal_scaling_would_save():
    results = synthetic((1, 2), noise=0.0, price=3600.0)
    row = next(
        x for x in tables_of(results)["waterfall"]["rows"] if x["step"]["value"] == "measured"
    )
    # 1 of money a worker and second: N T_N - b T_b of 10 epochs.
    steps = 10 * 50_000 / 128
    lost_s = 2 * 0.128 * (0.05 + 0.95 / 2) - 0.128
    assert row["money"]["value"] == pytest.approx(steps * lost_s, rel=1e-3)
    assert row["seconds"]["value"] == pytest.approx(lost_s / 2, rel=1e-3)


def test_without_phases_all_is_unexplained_and_it_is_said():
    table = tables_of(synthetic((1, 2), with_phases=False))["waterfall"]
    assert [x["step"]["value"] for x in table["rows"]] == ["ideal", "unexplained", "measured"]
    assert any("measure.phase_steps" in note for note in table["notes"])


def test_one_world_size_has_no_waterfall():
    tables = tables_of(synthetic((2,)))
    for key in ("waterfall", "waterfall_run"):
        assert tables[key]["rows"] == []
        assert "Needs another world size" in tables[key]["notes"][0]


def test_without_a_price_there_is_no_money():
    words = markdown_report(build_report(synthetic((1, 2), price=None)))
    section = words.split("## Where the efficiency goes")[1].split("\n## ")[0]
    assert "Costs per run" not in section
    assert "exposed transfer" in section
