"""Somebody's script in a configuration: what is filled in, what is refused, what is stored."""

from __future__ import annotations

import json

import pytest

from ray_bench.config.grid import config_sha256, points_of
from ray_bench.config.load import load
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import filled, module_of, name_of, what_varies, words
from ray_bench.config.script_grid import values_of
from ray_bench.config.stored import stored
from ray_bench.errors import ConfigError

ALL = ["--batch-size", "{local_batch_size}", "--lr={lr}", "--seed", "{seed}"]


def asked(*overrides, args=ALL, script="train.py"):
    return load(None, [f"script={script}", f"args={json.dumps(args)}", *overrides])


def test_fields_are_filled_in_and_other_braces_stay():
    values = {"lr": 0.1 * 3, "seed": 7}
    given = ["--lr={lr}", "{{seed}}", "{seed}x", '{"a": {"b": 1}}', "${HOME}"]
    assert words(given, values) == ["--lr=0.3", "{seed}", "7x", '{"a": {"b": 1}}', "${HOME}"]
    nested = {"lr": "{lr}", "more": ["{seed}", 4], "text": "s{seed}"}
    assert filled(nested, values) == {"lr": values["lr"], "more": [7, 4], "text": "s7"}


@pytest.mark.parametrize(
    ("script", "name", "module"),
    [
        ("train.py", "train.py", None),
        ("a/b/train.py", "train.py", None),
        ("folder/", "folder", None),
        ("-m package.train", "package.train", "package.train"),
    ],
)
def test_a_script_has_a_name(script, name, module):
    assert (name_of(script), module_of(script)) == (name, module)
    config = asked("steps=3", args=[], script=script)
    assert (config.workload, config.target, config.target_key) == (name, script, "script")


def test_scaling_rules_and_seeds_reach_a_script():
    config = asked(
        "world_sizes=[1,2]", "batch_size=8", "lr=0.5", "scaling=weak", "seeds=[3,4]",
        "lr_rules=[none,linear]", "steps=5",
    )  # fmt: skip
    given = {tuple(words(config.args, values_of(config, p, "")))[1:] for p in points_of(config)}
    assert given == {
        ("8", f"--lr={lr}", "--seed", str(seed))
        for lr in (0.5, 1)
        for seed in (3, 4)
    }  # fmt: skip
    assert {p.global_batch_size for p in points_of(config)} == {8, 16}


def test_what_a_script_does_not_take_is_unknown():
    (alone, both) = points_of(asked("world_sizes=[1,2]", "steps=5", args=["--epochs", "90"]))
    for point in (alone, both):
        assert (point.lr, point.lr_rule, point.seed, point.precision) == (None,) * 4
        assert (point.local_batch_size, point.global_batch_size, point.scaling) == (None,) * 3
    assert both.point_id.startswith("train-w2-")
    assert "No {local_batch_size}" in what_varies("train.py", frozenset())
    assert what_varies("t", frozenset({"lr"})).startswith("t takes {lr}. No {local_batch_size}")


@pytest.mark.parametrize(
    ("args", "overrides", "message"),
    [
        (["{learning_rate}"], ["steps=3"], "there is no field {learning_rate}"),
        (["{sed}"], ["steps=3"], "Did you mean {seed}?"),
        ([], [], "steps=300 ends it"),
        ([], ["steps=3", "until_end=true"], "not both"),
        ([], ["steps=3", "seeds=[1,2]"], "`seeds` do not reach train.py: write {seed}"),
        ([], ["steps=3", "lr=0.1"], "`lr` does not reach train.py: write {lr}"),
        ([], ["steps=3", "lr_rules=[none,linear]"], "`lr_rules` does not reach"),
        ([], ["steps=3", "batch_size=8"], "`batch_size` does not reach"),
        ([], ["steps=3", "scaling=weak"], "`scaling` does not reach"),
        ([], ["epochs=3"], "`epochs` do not reach"),
        (["{lr}"], ["steps=3"], "write lr=0.1"),
        (["{lr}"], ["steps=3", "lr=0.1"], "write lr_rules=none"),
        (["{global_batch_size}"], ["steps=3"], "write batch_size=256"),
        (["{epochs}"], ["until_end=true"], "write epochs=3"),
        ([], ["steps=3", "interleaved=true"], "started anew"),
        ([], ["steps=3", "precision=bf16"], "`precision` is a setting of ray_bench's own"),
        ([], ["steps=3", "compile=true"], "`compile` is a setting"),
        ([], ["steps=3", "ddp.bucket_cap_mb=1"], "`ddp` is a setting"),
        ([], ["steps=3", "measure.trace_steps=5"], "`measure.trace_steps` is a setting"),
        ([], ["steps=3", "optimizer.momentum=0.5"], "`optimizer` is a setting"),
        ([], ["steps=3", "launch.share_workers=true"], "`launch.share_workers` is a setting"),
        ([], ["steps=3", "workload=cnn-digits"], "give `workload` or `script`"),
        ([], ["steps=3", "train_fn=a:b"], "give `script` or `train_fn`"),
    ],
)
def test_what_does_not_reach_a_script_is_refused(args, overrides, message):
    with pytest.raises(ConfigError) as caught:
        asked(*overrides, args=args)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["workload=cnn-digits", "args=[a]"], "`args` belongs to a script"),
        (["workload=cnn-digits", "until_end=true"], "`until_end` belongs to a script"),
        (["train_fn=my_module", "steps=3"], "module:name"),
        (["train_fn=a:b", "steps=3", "args=[x]"], "`args` are a script's"),
        (["train_fn=a:b", "steps=3", "train_fn_config.lr={lr}"], "{lr} is filled in"),
    ],
)
def test_words_of_a_script_need_one(overrides, message):
    with pytest.raises(ConfigError) as caught:
        load(None, overrides)
    assert message in str(caught.value)


def test_secrets_are_not_stored_and_do_not_tell_sweeps_apart():
    one, other = (
        asked("steps=3", f"launch.env.HF_TOKEN={secret}", args=["--api-key", secret, "--n", "4"])
        for secret in ("geheim", "anders")
    )
    kept = json.dumps(stored(one.model_dump(mode="json")))
    assert "geheim" not in kept
    assert '"--n", "4"' in kept
    assert config_sha256(one) == config_sha256(other)
    assert config_sha256(one) != config_sha256(asked("steps=3", args=["--n", "5"]))


def test_a_configuration_without_a_script_has_the_hash_that_it_had():
    known = SweepConfig(workload="cnn-digits")
    dumped = known.model_dump(mode="json")
    for key in ("script", "args", "train_fn", "train_fn_config", "until_end"):
        del dumped[key]
    assert config_sha256(SweepConfig.model_validate(dumped)) == config_sha256(known)
    assert "script" not in dumped
