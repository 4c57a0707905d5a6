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
        ("0.9", MetricTarget("accuracy", ">=", 0.9)),
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
        ("val_acc", "like 'accuracy>=0.9' .* in quotes: a shell takes > for itself"),
        ("", "Cannot read the target"),
        ("1.2", "share of 120 %"),
        ("nan", "Cannot read the target"),
        ("val_acc<=0.9", "holds before training begins; write 'val_acc>=0.9'"),
        ("loss>2", "holds before training begins; write 'loss<=2'"),
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


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Accuracy", "val_accuracy_frac"),
        ("val_acc", "val_accuracy_frac"),
        ("bits_per_byte", "val_loss"),
        ("val_f1", "val_f1"),
    ],
)
def test_what_our_own_loop_tells_has_several_names(name, column):
    assert parse_target(f"{name}{'<=' if column == 'val_loss' else '>='}0.9").column == column


def test_loss_as_a_target_is_that_of_validation():
    """A script that tells `loss` tells that of training."""
    assert parse_target("loss<=0.3").told_as == ("val_loss",)
    assert parse_target("Loss<=0.3").told_as == ("val_loss",)
    assert parse_target("train_loss<=0.3").told_as[0] == "train_loss"
    assert parse_target("eval_loss<=0.3").told_as == ("eval_loss", "eval_loss", "val_loss")
