"""Settings that a sweep varies: lists, points of their own, and what cannot be."""

from __future__ import annotations

import pytest

from ray_bench.config.grid import config_sha256, expand
from ray_bench.config.load import fill_in, load
from ray_bench.config.rounds import ladder_runs
from ray_bench.errors import ConfigError
from ray_bench.workloads.catalog import BUILTIN


def config(*overrides: str, workload: str = "cnn-digits"):
    made = load(None, [f"workload={workload}", *overrides])
    return fill_in(made, BUILTIN[workload].defaults)


def points(*overrides: str):
    return [run.point for run in expand(config(*overrides))]


def test_the_defaults_are_those_of_the_workload():
    (point,) = points("world_sizes=2")
    assert (point.precision, point.memory_format, point.compile) == (
        "fp32",
        "channels_last",
        "none",
    )
    assert (point.bucket_cap, point.compression) == ("25", "none")
    assert config(workload="mlp-mnist").memory_format == ("contiguous",)


def test_every_combination_is_a_point_of_its_own():
    found = points(
        "world_sizes=[1,2]",
        "precision=[fp32,bf16]",
        "memory_format=[contiguous,channels_last]",
        "compile=[none,default]",
        "ddp.bucket_cap_mb=[1,25,auto]",
        "ddp.compression=[none,bf16]",
    )
    assert len(found) == len({p.point_id for p in found})
    assert sum(p.world_size == 2 for p in found) == 2 * 2 * 2 * 3 * 2
    assert {p.bucket_cap for p in found if p.world_size == 2} == {"1", "25", "auto"}


def test_without_ddp_its_settings_make_no_further_runs():
    plain = [p for p in points("world_sizes=[1,2]", "ddp.bucket_cap_mb=[1,25]") if not p.is_ddp]
    assert len(plain) == 1
    assert (plain[0].bucket_cap, plain[0].compression) == (None, None)


def test_a_ladder_gives_every_combination_a_turn_in_every_round():
    runs = ladder_runs(config("world_sizes=[1,2]", "precision=[fp32,bf16]", "interleaved=true"))
    for number in range(6):
        turns = [r.point for r in runs if r.repeat == number]
        assert len(turns) == len(set(turns)) == 4


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ddp.bucket_cap_mb=0", "must be MiB above 0, or auto, got 0"),
        ("ddp.bucket_cap_mb=large", "must be MiB above 0, or auto, got 'large'"),
        ("ddp.compression=fp16", "`ddp.compression[0]`: must be 'none' or 'bf16', got 'fp16'"),
        ("precision=[fp32,fp32]", "values must differ"),
        (
            "compile=fast",
            "`compile[0]`: must be 'none', 'default' or 'reduce-overhead', got 'fast'",
        ),
    ],
)
def test_wrong_settings_are_explained(override, message):
    with pytest.raises(ConfigError) as caught:
        config(override)
    assert message in str(caught.value)


def test_a_stop_rule_looks_at_one_curve():
    with pytest.raises(ConfigError, match=r"`stop.half_width` looks at one curve"):
        config("stop.half_width=0.02", "precision=[fp32,bf16]")


def test_small_buckets_cannot_be_compiled():
    with pytest.raises(ConfigError, match=r"needs ddp.bucket_cap_mb of 1 or more.* got 0.5"):
        config("compile=default", "ddp.bucket_cap_mb=[25,0.5]")


def test_a_ladder_is_not_compiled():
    with pytest.raises(ConfigError, match=r"keeps all world sizes in one process"):
        config("interleaved=true", "compile=default")


def test_runs_that_share_workers_are_not_compiled():
    with pytest.raises(ConfigError, match=r"keeps several runs in one process"):
        config("launch.share_workers=true", "compile=default")


def parts(*overrides: str):
    found = points("batch_size=64", "world_sizes=[1,2,4]", *overrides)
    return {p.world_size: (p.num_micro_batches, p.micro_batch_size) for p in found}


def test_a_step_is_cut_into_micro_batches():
    assert parts("accumulate_steps=4") == {1: (4, 16), 2: (4, 8), 4: (4, 4)}
    assert parts("accumulate_steps=4", "scaling=weak") == dict.fromkeys((1, 2, 4), (4, 16))
    assert len(points("world_sizes=[1,2]", "accumulate_steps=[1,2]")) == 4


@pytest.mark.parametrize("most", [16, 21])
def test_every_world_size_takes_the_fewest_micro_batches_that_fit(most):
    assert parts(f"max_local_batch_size={most}") == {1: (64 // 16, 16), 2: (2, 16), 4: (1, 16)}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["accumulate_steps=3"], "64 samples .* into 3 equal .* can be 1, 2, 4, 8, 16 here"),
        (["accumulate_steps=0"], "must be 1 or more, got 0"),
        (["accumulate_steps=[2,2]"], "values must differ"),
        (["max_local_batch_size=0"], "greater than or equal to 1, got 0"),
        (
            ["max_local_batch_size=12"],
            r"make 6 micro-batches of at most 12.*divisors of 64: 1, 2, .*can be 8 or 16 here",
        ),
        (["max_local_batch_size=8", "accumulate_steps=2"], "give one of them"),
        (["max_local_batch_size=16", "compile=reduce-overhead"], "take compile=default"),
        (["clip_grad_norm=0"], "must be greater than 0, got 0"),
        (["evaluation=sometimes"], "must be a group of keys"),
    ],
)
def test_steps_that_cannot_be_cut_are_explained(overrides, message):
    with pytest.raises(ConfigError, match=message):
        parts(*overrides)


def test_an_older_sweep_can_be_resumed():
    """New keys that are not set neither change the hash of a sweep nor the name of a run."""
    plain, cut = config("world_sizes=2"), config("world_sizes=2", "accumulate_steps=2")
    assert config_sha256(plain) == config_sha256(config("world_sizes=2", "accumulate_steps=1"))
    assert config_sha256(plain) != config_sha256(cut)
    ids = {run.run_id for made in (plain, cut) for run in expand(made)}
    assert len(ids) == 2


def test_the_evaluation_is_turned_off_by_a_word():
    assert config("evaluation=off").evaluation.every == 0
