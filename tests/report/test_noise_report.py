"""The gradient noise scale in the report: table, picture and finding, or nothing."""

from __future__ import annotations

import pytest

from ray_bench.report.model import build_report
from ray_bench.report.pictures.noise import BATCH
from tests.report.reports import CASES, report_of, tables
from tests.synthetic import synthetic

NOISE = CASES["noise"]


def picture_of(report):
    return next((x for x in report.pictures if x.key == "noise_scale"), None)


def findings(report):
    return " ".join(words for x in report.sections if x.key == "noise" for words in x.paragraphs)


def test_the_picture_has_the_numbers_of_the_table():
    report = report_of("noise")
    rows = tables(report)["noise_scale"].rows
    picture = picture_of(report)
    drawn = [x for x in picture.rows if x["series"] != BATCH]
    assert [x["world_size"] for x in drawn] == [row[0].value for row in rows] == [1, 2, 4, 8]
    for x, row in zip(drawn, rows, strict=True):
        cell = row[5]
        ours = tuple(x[f"batch_samples{end}"] for end in ("", "_low", "_high"))
        assert ours == (cell.value, cell.low, cell.high)
    batches = {x["world_size"]: x["batch_samples"] for x in picture.rows if x["series"] == BATCH}
    assert batches == {1: 128, 2: 256, 4: 512, 8: 1024}
    assert [row[6].value for row in rows] == ["below it", "within", "above it", "above it"]
    assert "With 8 workers 250 samples" in picture.alt


def test_a_batch_above_the_noise_is_a_finding():
    assert "1024 samples are above the gradient noise scale, 250" in findings(report_of("noise"))
    assert "noise scale" not in findings(build_report(synthetic(**{**NOISE, "scaling": "strong"})))


@pytest.mark.parametrize("case", ["strong", "ladder"])
def test_nothing_is_said_where_nothing_was_measured(case):
    report = report_of(case)
    assert "noise_scale" not in tables(report)
    assert picture_of(report) is None
    assert "noise scale" not in findings(report)


def test_unknown_is_a_dash_with_a_reason_and_no_picture():
    report = build_report(synthetic(**{**NOISE, "grad_mean_sq_by_step": (1.0, -1.0, 2.0, -1.5)}))
    table = tables(report)["noise_scale"]
    assert {row[5].value for row in table.rows} == {None}
    assert any("cannot be told from 0" in note for note in table.notes)
    assert picture_of(report) is None
    assert "noise scale" not in findings(report)
