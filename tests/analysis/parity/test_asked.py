"""Which target counts, and what is said where it cannot be judged."""

import json
from dataclasses import replace

import pytest

from ray_bench.analysis.parity.asked import (
    asked_margin,
    asked_target,
    complaint,
    configured_target,
)
from ray_bench.analysis.parity.compare import Margin
from ray_bench.config.metric_target import MetricTarget, parse_target
from ray_bench.errors import ConfigError
from tests.analysis.parity.learned import learned


def with_target(results, text):
    config = {**json.loads(results.sweep.config_json), "metrics": {"target": text}}
    return replace(results, sweep=replace(results.sweep, config_json=json.dumps(config)))


@pytest.fixture(scope="module")
def results():
    return learned(lambda *_: 0.9, sizes=(1, 2), seeds=(0,))


def test_a_given_target_comes_before_that_of_the_sweep(results):
    stored = with_target(results, "acc>=0.8")
    assert asked_target(stored) == MetricTarget("acc", ">=", 0.8)
    assert asked_target(stored, 0.85) == MetricTarget("accuracy", ">=", 0.85)
    assert asked_target(results) is None
    assert asked_target(results, "val_loss<=1.2") == MetricTarget("val_loss", "<=", 1.2)


def test_a_metric_that_no_run_has_told_names_those_that_there_are(results):
    with pytest.raises(ConfigError, match=r"'val_f1'; there is .*loss"):
        asked_target(results, "val_f1>=0.8")
    # Of the sweep's own target the report says so, and is made all the same.
    stored = with_target(results, "val_f1>=0.8")
    assert asked_target(stored) is None
    assert "No run has told" in complaint(stored, configured_target(stored))


def test_no_evaluation_and_percent_are_told_apart(results):
    with pytest.raises(ConfigError, match=r"no run was evaluated. Give the workload an `evaluate`"):
        asked_target(replace(results, epochs={}), 0.9)
    columns = {**results.epochs, "val_accuracy_frac": 100 * results.epochs["val_accuracy_frac"]}
    said = complaint(replace(results, epochs=columns), parse_target("val_accuracy_frac>=0.9"))
    assert "in percent" in said


def test_margins_are_those_given_else_those_of_the_sweep(results):
    config = {**json.loads(results.sweep.config_json), "metrics": {"loss_margin_frac": 0.05}}
    stored = replace(results, sweep=replace(results.sweep, config_json=json.dumps(config)))
    assert asked_margin(results) == Margin()
    assert asked_margin(stored).loss_frac == 0.05
    found = asked_margin(stored, "accuracy=0.3%, samples=0.2")
    assert found == Margin(accuracy_frac=0.003, loss_frac=0.05, samples_frac=0.2)
    for text, says in (
        ("f1=0.1", "'f1=0.1'; write"),
        ("loss=3", "not between 0 and 1"),
        ("", "Cannot read"),
    ):
        with pytest.raises(ConfigError, match=says):
            asked_margin(results, text)
