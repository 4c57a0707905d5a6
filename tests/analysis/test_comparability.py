"""Which sweeps may be compared: what is refused in words, allowed on request, or left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ray_bench.analysis.comparison import Allow, Metric, Outcome, compare
from ray_bench.analysis.comparison.refusal import Reason
from ray_bench.analysis.groups import groups_of
from ray_bench.errors import IncompatibleRunsError
from tests.planted import at_eight, on_host, planted, row_of


def test_versions_commit_and_hosts_may_differ_and_are_named():
    new = {"torch_version": "2.12.0", "commit": "abc123", "hostnames": ("host-b",)}
    found = compare(planted(1), planted(2, host=new))
    assert found.outcome is Outcome.PASSED
    named = {x.name: (x.base, x.new, x.is_refused) for x in found.pairs[0].differences}
    assert named["torch_version"] == ("2.11.0", "2.12.0", False)
    assert named["commit"] == (None, "abc123", False)
    assert named["hostnames"] == (("host-a",), ("host-b",), False)


@pytest.mark.parametrize(
    ("changes", "words", "allow"),
    [
        ({"batch": 256}, "batch (128 and 256)", Allow.BATCH),
        ({"workload": "cnn-digits"}, "'cnn-digits'", Allow.WORKLOAD),
        ({"device": "NVIDIA H200"}, "device ('cpu' and 'NVIDIA H200')", Allow.HARDWARE),
        ({"host": {"cpu_model": "Other"}}, "cpu_model", Allow.HARDWARE),
        ({"host": {"num_cpus": 32}}, "num_cpus (64 and 32)", Allow.HARDWARE),
        ({"host": {"omp_num_threads": 4}}, "omp_num_threads (1 and 4)", Allow.THREADS),
        ({"host": {"ddp_arguments": '{"static_graph": true}'}}, "static_graph", Allow.SETTINGS),
        ({"dataset": "imagenet"}, "dataset", Allow.DATA),
        ({"num_samples": 10_000}, "num_train_samples (50000 and 10000)", Allow.DATA),
        ({"flags": lambda _: ("standin_data",)}, "standin_data (no and yes)", Allow.DATA),
        ({"ladder": True}, "interleaved (no and yes)", Allow.METHOD),
    ],
)
def test_what_must_be_equal_is_refused_in_words_and_can_be_allowed(changes, words, allow):
    base, new = planted(1), planted(2, **changes)
    with pytest.raises(IncompatibleRunsError) as caught:
        compare(base, new)
    assert words in str(caught.value)
    assert f"--allow {allow}" in str(caught.value)
    found = compare(base, new, allow=[allow])
    assert found.gated
    assert any(x.is_refused and x.allow is allow for x in found.pairs[0].differences)


def trained_with(results, changes, *, without=()):
    """The results of a sweep that trains otherwise; of an older version, without some keys."""
    config = json.loads(results.sweep.config_json)
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        (config[group] if group else config)[name] = value
    for key in without:
        group, _, name = key.rpartition(".")
        del (config[group] if group else config)[name]
    return replace(results, sweep=replace(results.sweep, config_json=json.dumps(config)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer.name", "lamb"),
        ("optimizer.weight_decay", 0.125),
        ("optimizer.ema_half_life_samples", 1000.0),
        ("schedule.name", "cosine"),
        ("label_smoothing", 0.1),
        ("batch_norm", "synchronised"),
        ("data.cutout", 8),
    ],
)
def test_how_weights_are_changed_must_be_equal(key, value):
    base, new = planted(1), trained_with(planted(2), {key: value})
    with pytest.raises(IncompatibleRunsError) as caught:
        compare(base, new)
    assert f"{key} (" in str(caught.value)
    assert "--allow settings" in str(caught.value)
    found = compare(base, new, allow=[Allow.SETTINGS])
    assert [x.name for x in found.pairs[0].differences] == [key]
    assert key not in {x.name for x in found.settings}  # told once


def test_sweeps_from_before_a_key_trained_as_its_default_says():
    later = ("schedule", "label_smoothing", "batch_norm", "optimizer.name", "optimizer.nesterov")
    old = trained_with(planted(1), {}, without=later)
    assert compare(old, planted(2)).gated
    with pytest.raises(IncompatibleRunsError, match=r"schedule.name \('constant' and 'wsd'\)"):
        compare(old, trained_with(planted(2), {"schedule.name": "wsd"}))
    unread = replace(old, sweep=replace(old.sweep, config_json="{}"))
    assert compare(unread, planted(2)).gated


def test_arguments_of_ddp_count_where_there_is_ddp_and_without_a_measured_bucket_size():
    base = planted(1, world_sizes=(2, 4), host={"ddp_arguments": '{"bucket_cap_mb": 25.0}'})
    new = planted(2, world_sizes=(1, 2, 4), host={"ddp_arguments": '{"bucket_cap_mb": 8.0}'})
    plain = on_host(new, {})
    runs = [old if old.point.is_ddp else x for old, x in zip(new.runs, plain.runs, strict=True)]
    both = {**new.environments, **plain.environments}
    assert compare(base, replace(new, runs=tuple(runs), environments=both)).gated


def test_precision_is_refused():
    new = planted(2)
    runs = tuple(replace(run, point=replace(run.point, precision="bf16")) for run in new.runs)
    with pytest.raises(IncompatibleRunsError, match=r"precision \('fp32' and 'bf16'\).*--allow"):
        compare(planted(1), replace(new, runs=runs))


@pytest.mark.parametrize(
    "changes", [{"scaling": "weak"}, {"flags": lambda _: ("emulated",)}], ids=["weak", "emulated"]
)
def test_some_differences_cannot_be_allowed(changes):
    with pytest.raises(IncompatibleRunsError, match="are never compared"):
        compare(planted(1), planted(2, **changes), allow=list(Allow))


def test_oversubscribed_world_sizes_are_left_out_unless_allowed():
    crowded = {"flags": lambda size: ("oversubscribed",) if size > 2 else ()}
    pair = planted(1, **crowded), planted(2, at_eight(1.2), **crowded)
    found = compare(*pair)
    assert found.outcome is Outcome.PASSED
    assert {row.world_size for row in found.gated} == {1, 2}
    assert {(x.world_size, x.reason) for x in found.pairs[0].left_out} == {
        (4, Reason.OVERSUBSCRIBED),
        (8, Reason.OVERSUBSCRIBED),
    }
    assert compare(*pair, allow=[Allow.OVERSUBSCRIBED]).outcome is Outcome.FAILED
    every = {"flags": lambda _: ("oversubscribed",)}
    with pytest.raises(IncompatibleRunsError, match="--allow oversubscribed"):
        compare(planted(1, **every), planted(2, **every))


def test_a_world_size_on_other_nodes_is_left_out():
    new = planted(2, host={"num_nodes": 2})
    with pytest.raises(IncompatibleRunsError, match="another number of nodes"):
        compare(planted(1), new)
    assert compare(planted(1), new, allow=[Allow.HARDWARE]).gated


def test_only_shared_world_sizes_count_against_their_smallest():
    found = compare(planted(1, world_sizes=(1, 2, 4)), planted(2, world_sizes=(2, 4, 8)))
    assert {row.world_size for row in found.gated} == {2, 4}
    speedup = row_of(found, Metric.SPEEDUP, 4)
    assert speedup.base.value == pytest.approx(1.83, abs=0.05)
    assert {(x.world_size, x.reason) for x in found.pairs[0].left_out} == {
        (1, Reason.ONLY_IN_BASE),
        (8, Reason.ONLY_IN_NEW),
    }
    with pytest.raises(IncompatibleRunsError, match="no world size"):
        compare(planted(1, world_sizes=(1, 2)), planted(2, world_sizes=(4, 8)))


def test_runs_that_failed_in_the_new_sweep_do_not_let_it_pass():
    found = compare(planted(1), planted(2, failed=lambda size, _repeat: size == 8))
    assert found.outcome is Outcome.UNDECIDED
    assert found.missing_sizes == (8,)
    assert not found.open
    gone = planted(2, world_sizes=(1, 2, 4), num_missing=3)
    config = gone.sweep.config_json.replace("[1, 2, 4]", "[1, 2, 4, 8]")
    gone = replace(gone, sweep=replace(gone.sweep, config_json=config))
    assert compare(planted(1), gone).missing_sizes == (8,)


@pytest.mark.parametrize("which", ["base", "new"])
def test_a_sweep_without_a_usable_run_says_what_became_of_them(which):
    broken = planted(2, failed=lambda _size, _repeat: True)
    pair = (broken, planted(1)) if which == "base" else (planted(1), broken)
    with pytest.raises(IncompatibleRunsError, match=rf"The {which} sweep 's2' .*12 failed"):
        compare(*pair)
    empty = replace(broken, runs=(), sweep=replace(broken.sweep, run_ids=()))
    with pytest.raises(IncompatibleRunsError, match="no runs"):
        compare(planted(1), empty)


def of_points(results, **settings):
    """The results with other settings."""
    runs = [replace(run, point=replace(run.point, **settings)) for run in results.runs]
    return replace(results, runs=tuple(runs))


def test_a_version_that_could_not_compile_did_not():
    old, new = of_points(planted(1), compile=None), of_points(planted(2), compile="none")
    found = compare(old, new)
    assert found.outcome is not Outcome.FAILED
    assert not found.pairs[0].differences
    with pytest.raises(IncompatibleRunsError, match=r"compile \('none' and 'default'\)"):
        compare(old, of_points(new, compile="default"))


@pytest.mark.parametrize(
    "known", [{"memory_format": "contiguous"}, {"bucket_cap": "25"}, {"compression": "none"}]
)
def test_settings_that_are_unknown_have_to_be_allowed(known):
    old, new = of_points(planted(1), **dict.fromkeys(known)), of_points(planted(2), **known)
    with pytest.raises(IncompatibleRunsError, match=r"\(unknown and .*add --allow settings\."):
        compare(old, new)
    assert compare(old, new, allow=[Allow.SETTINGS]).pairs


def with_trainer(results, trainer):
    return replace(results, runs=tuple(replace(run, trainer=trainer) for run in results.runs))


def test_the_plain_trainer_is_not_compared_with_the_tuned_one_without_a_word():
    plain = with_trainer(planted(2), "plain")
    for base in (planted(1), with_trainer(planted(1), "tuned")):  # the unknown was a tuned one
        with pytest.raises(IncompatibleRunsError, match=r"trainer \('tuned' and 'plain'\).*method"):
            compare(base, plain)
        assert compare(base, plain, allow=[Allow.METHOD]).gated
        assert not compare(base, with_trainer(planted(2), "tuned")).pairs[0].differences


def test_runs_of_two_trainers_make_two_curves():
    tuned, plain = with_trainer(planted(1), "tuned"), with_trainer(planted(2), "plain")
    both = replace(tuned, runs=(*tuned.runs, *plain.runs))
    assert [group.key["trainer"] for group in groups_of(both)] == ["tuned", "plain"]
    assert len(groups_of(replace(tuned, runs=(*planted(3).runs, *tuned.runs)))) == 1


def test_curves_are_paired_by_what_must_be_equal():
    def both(seed):
        one, other = planted(seed), planted(seed, host={"num_cpus": 8})
        renamed = tuple(replace(run, run_id=f"{run.run_id}-b") for run in other.runs)
        return replace(
            one,
            runs=(*one.runs, *renamed),
            environments={**one.environments, **other.environments},
        )

    found = compare(both(1), both(2))
    assert len(found.pairs) == 2
    assert found.outcome is not Outcome.FAILED
    alone = compare(both(1), planted(2))
    assert (len(alone.pairs), alone.num_alone) == (1, 1)
    assert alone.outcome is Outcome.UNDECIDED
