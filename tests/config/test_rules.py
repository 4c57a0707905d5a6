"""Learning-rate rules: what they ask for, and what is refused with a remedy."""

from __future__ import annotations

import pytest

from ray_bench.config.grid import config_sha256, lr_factor
from ray_bench.config.load import load
from ray_bench.config.lr_rules import RULES, rule_of
from ray_bench.config.lr_rules.adascale import gain
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError

WEAK = ("workload=x", "scaling=weak", "batch_size=16", "lr=0.1", "world_sizes=[1,4]")


@pytest.mark.parametrize(
    ("rule", "factor"),
    [
        ("none", 1),
        ("linear", 4),
        ("sqrt", 2),
        ("legw", 2),
        ("adascale", 4),
        ("power:0.66", 4**0.66),
    ],
)
def test_the_peak_at_four_times_the_batch(rule, factor):
    assert lr_factor(rule, 4.0) == pytest.approx(factor)
    assert lr_factor(rule, 1.0) == 1
    assert rule == "none" or rule_of(rule).source


def test_adams_averages_follow_the_square_root_rule():
    """Malladi et al. 2022: 1 - beta grows as the batch, epsilon falls as its root."""
    config = load(None, [*WEAK, "optimizer.name=adamw", "lr_rules=sqrt"])
    settings = config.adam_settings("sqrt", 4)
    assert settings == pytest.approx((0.6, 0.996, 0.5e-8))
    assert config.adam_settings("linear", 4) == pytest.approx((0.9, 0.999, 1e-8))
    assert config.adam_settings("sqrt", 1) == pytest.approx((0.9, 0.999, 1e-8))


def test_the_half_life_of_beta2_can_be_held_in_samples():
    config = load(None, [*WEAK, "optimizer.name=adamw", "optimizer.hold_beta2_half_life=true"])
    assert config.adam_settings("linear", 4).beta2 ** (1 / 4) == pytest.approx(0.999)
    assert config.adam_settings("linear", 1).beta2 == 0.999


def test_a_base_batch_makes_rules_differ_in_strong_scaling():
    config = load(
        None,
        ["workload=x", "batch_size=64", "lr=0.1", "optimizer.base_batch_size=16", "lr_rules=legw"],
    )
    assert [config.growth(n) for n in (1, 2)] == [4, 4]


@pytest.mark.parametrize(
    ("mean_sq", "variance", "wanted"),
    [(1, 0, 1), (0, 1, 4), (1, 4, 2.5), (-1, 4, 4), (0, 0, 1), (1, -2, 1)],
)
def test_the_gain_of_adascale_is_between_one_and_the_growth(mean_sq, variance, wanted):
    assert gain(mean_sq, variance, 4.0) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["lr_rules=legw", "scaling=strong"], "set optimizer.base_batch_size to the batch that"),
        (["lr_rules=power:0.5", "scaling=strong"], "in strong scaling none is known"),
        (["lr_rules=power:x"], "the exponent must be a number from 0 to 2, got 'power:x'"),
        (["lr_rules=power:9"], "the exponent must be a number from 0 to 2"),
        (["lr_rules=adascael"], "Did you mean `adascale`?"),
        (["lr_rules=adascale", "optimizer.name=adamw"], "adascale is one for sgd"),
        (["lr_rules=adascale", "interleaved=true"], "watches no gradients"),
        (["measure.noise_curve=true", "interleaved=true"], "watches no gradients"),
        (["schedule.name=one-cycle", "optimizer.warmup_epochs=1"], "has its own warm-up"),
        (["schedule.drops=[0.5,0.2]"], "must be ascending shares between 0 and 1"),
        (["schedule.name=cosin"], "Did you mean `cosine`?"),
        (["optimizer.base_batch_size=8", "optimizer.scale_with=world_size"], "has no meaning"),
        (["optimizer.nesterov=true", "optimizer.momentum=0"], "`nesterov` needs"),
        (["lr_rules=sqrt", "optimizer.name=adamw", "world_sizes=[16]"], "a beta falls below 0"),
        (["label_smoothing=1"], "must be less than 1"),
        (["batch_norm=sync"], "must be 'per_worker' or 'synchronised'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(overrides, words):
    with pytest.raises(ConfigError) as caught:
        load(None, [*WEAK, *overrides])
    assert words in str(caught.value)


def test_a_sweep_of_an_older_version_has_the_hash_that_it_had():
    config = SweepConfig(workload="x", batch_size=8, lr=0.1, epochs=1)
    filled = config.model_copy(
        update={"optimizer": config.optimizer.model_copy(update={"name": "sgd"})}
    )
    assert config_sha256(filled) == config_sha256(config)
    assert config_sha256(config) == (
        "3d9d6f6b0621b9dd54160dde4323a17f3e508fc40b30a9d762a153fcf054dbb4"
    )


def test_every_rule_has_a_name_of_its_own():
    assert [rule.name for rule in RULES.values()] == list(RULES)
