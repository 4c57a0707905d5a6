"""Which target counts, and what is said where it cannot be judged."""

import json
from dataclasses import replace

import pytest

from ray_bench.analysis.parity.asked import asked_target, complaint, configured_target
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
    with pytest.raises(ConfigError, match=r"'val_f1'; there is .*val_loss or loss"):
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
