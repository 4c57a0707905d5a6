"""The report says on how many samples accuracy was measured, or why it was not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ray_bench.records import Results
from ray_bench.report.model import build_report
from tests.synthetic import synthetic


def with_config(results: Results, **values) -> Results:
    config = json.loads(results.sweep.config_json) | values
    return replace(results, sweep=replace(results.sweep, config_json=json.dumps(config)))


def notes(results: Results) -> str:
    report = build_report(results)
    (found,) = [t for s in report.sections for t in s.tables if t.key == "accuracy"]
    return " ".join(found.notes)


def unevaluated(**values) -> Results:
    return with_config(synthetic((1, 2), with_accuracy=False), **values)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (synthetic((1, 2)), "those of 10,000 samples."),
        (
            with_config(synthetic((1, 2), num_val_samples=500), evaluation={"max_samples": 500}),
            "those of 500 samples, at most evaluation.max_samples=500.",
        ),
        (unevaluated(steps=50, epochs=None), "a sweep of so many `steps` measures speed"),
        (unevaluated(evaluation={"every": 0}), "as evaluation.every=0 asks"),
    ],
)
def test_what_accuracy_rests_on_is_said(results, words):
    assert words in notes(results)


def test_the_time_of_one_evaluation_is_that_of_the_epochs_that_have_one():
    results = synthetic((1, 2))
    seconds = results.epochs["eval_s"].astype(float)
    is_even = results.epochs["epoch"] % 2 == 0
    some = {**results.epochs, "eval_s": np.where(is_even, seconds, np.nan)}
    shown = []
    for table in (results.epochs, some):
        report = build_report(replace(results, epochs=table))
        (found,) = [t for s in report.sections for t in s.tables if t.key == "sync"]
        place = [column.key for column in found.columns].index("eval")
        shown.append([row[place].value for row in found.rows])
    assert shown[0] == pytest.approx(shown[1])
