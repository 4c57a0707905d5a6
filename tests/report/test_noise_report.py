"""The gradient noise scale in the report: table, picture and finding, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ray_bench.report.json_report import json_report
from ray_bench.report.model import build_report
from ray_bench.report.pictures.noise import BATCH
from tests.analysis.parity.test_noise_check import trained
from tests.report.reports import CASES, report_of, tables
from tests.synthetic import synthetic

NOISE = CASES["noise"]


def picture_of(report):
    return next((x for x in report.pictures if x.key == "noise_scale"), None)


def findings(report):
    sections = [x for x in report.sections if x.key in ("noise", "noise_cost")]
    return " ".join(words for x in sections for words in x.paragraphs)


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


def test_the_fold_says_what_was_predicted_and_what_was_measured():
    """In JSON as well; of several curves that learnt from the same runs once."""
    report = build_report(trained(2.6), target=0.85)
    said = findings(report)
    assert "samples to 85 % accuracy at a batch of 512 against 128: predicted 1.60x" in said
    assert "the noise scale does not describe this training" in said
    assert next(x for x in report.folds if x.key == "noise").says in said
    document = json.loads(json_report(report))
    (section,) = (x for x in document["sections"] if x["key"] == "noise_cost")
    assert "does not describe" in section["paragraphs"][0]
    (table,) = (x for x in section["tables"] if x["key"] == "noise_check")
    (row,) = table["rows"]
    assert row["verdict"]["value"] == "apart"
    assert row["measured"]["low"] < row["measured"]["value"] < row["measured"]["high"]


def test_curves_of_the_same_training_have_its_noise_once():
    results = trained(1.6, seeds=(0, 1, 2, 3))
    (known,) = results.environments.values()
    other = replace(known, niceness=known.niceness + 5)
    runs = [
        replace(x, environment_hash=other.environment_hash) if x.point.seed % 2 else x
        for x in results.runs
    ]
    both = {x.environment_hash: x for x in (known, other)}
    report = build_report(replace(results, runs=tuple(runs), environments=both))
    fold = next(x for x in report.folds if x.key == "noise")
    keys = [[t.key for t in x.tables] for x in fold.sections]
    assert keys == [["noise_scale"], ["noise_check", "goodput"], ["goodput_2"]]
