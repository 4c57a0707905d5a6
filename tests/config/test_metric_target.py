"""Targets of metrics by name."""

import math

import pytest

from ray_bench.config.metric_target import MetricTarget, parse_target
from ray_bench.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("val_acc>=0.9", MetricTarget("val_acc", ">=", 0.9)),
        (" val_acc >= 90 % ", MetricTarget("val_acc", ">=", 0.9)),
        ("eval/loss<2.1", MetricTarget("eval/loss", "<", 2.1)),
        ("bits-per-byte<=1e0", MetricTarget("bits-per-byte", "<=", 1.0)),
        ("reward>-20", MetricTarget("reward", ">", -20.0)),
        ("val_accumulated>5", MetricTarget("val_accumulated", ">", 5.0)),
    ],
)
def test_targets_are_read(text, found):
    assert parse_target(text) == found
    assert parse_target(str(found)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("val_acc>=1.2", "share of 120 %"),
        ("val_acc>=101%", "share of 101 %"),
        ("top1>=0", "share of 0 %"),
        ("val_acc=0.9", "Cannot read the target"),
        ("val_acc", "like val_acc>=0.9"),
        ("", "Cannot read the target"),
        ("0.9", "Cannot read the target"),
        (">=0.9", "Cannot read the target"),
        ("val_acc>=high", "needs a number, got 'high'"),
        ("val_loss<=nan", "needs a number, got 'nan'"),
        ("val_loss<=inf", "needs a number"),
        ("a>=1;b>=2", "Cannot read|needs a number"),
    ],
)
def test_what_is_no_target_is_refused_with_a_form_that_is(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_target(text)


def test_the_first_value_that_holds_is_found_past_what_is_unknown():
    target = parse_target("val_acc>=0.9")
    assert target.first([0.5, None, math.nan, 0.9, 0.8, 0.95]) == 3
    assert target.first([0.5, None, math.nan]) is None
    assert target.first([]) is None
    assert parse_target("loss<1").first([2.0, 1.0, 0.999]) == 2
