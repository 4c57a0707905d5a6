"""What training is to reach, as a sweep is asked for it."""

import pytest

from ray_bench.config.load import load
from ray_bench.errors import ConfigError


def loaded(*words):
    return load(None, ["workload=cnn-mnist", *words])


def test_a_target_is_kept_as_it_is_read():
    assert loaded("metrics.target=val_acc >= 90 %").metrics.target == "val_acc>=0.9"
    assert loaded("metrics.target=bits_per_byte<=2.1").metrics.target == "bits_per_byte<=2.1"
    assert loaded().metrics.target is None


def test_a_script_tells_metrics_of_its_own():
    found = load(None, ["script=train.py", "steps=20", "metrics.target=val_f1>=0.8"])
    assert found.metrics.target == "val_f1>=0.8"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["metrics.target=accuracy>=101%"], "share of 101 %"),
        (["metrics.target=val_acc"], "Cannot read the target 'val_acc'.* in quotes"),
        (["metrics.target=bleu>=0.3"], "'bleu', and training here tells accuracy, loss"),
        (["metrics.target=acc>=0.9", "steps=20"], "none are made; set evaluation.every_samples"),
        (["metrics.target=acc>=0.9", "evaluation=off"], "needs evaluations and none are made"),
        (["metrics.target=acc>=0.9", "interleaved=true"], "evaluates nothing"),
        (["metrics.accuracy_margin_frac=0"], "metrics.accuracy_margin_frac"),
        (["metrics.accuracy_margin_frac=1"], "metrics.accuracy_margin_frac"),
    ],
)
def test_what_cannot_be_reached_is_refused_with_what_to_do(words, says):
    with pytest.raises(ConfigError, match=says):
        loaded(*words)


def test_evaluations_within_epochs_are_enough():
    words = ["metrics.target=acc>=0.9", "steps=20", "evaluation.every_samples=1000"]
    assert loaded(*words).metrics.target == "acc>=0.9"
