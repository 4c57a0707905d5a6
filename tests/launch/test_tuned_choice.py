"""Which trainer runs take, what the user is told, and what is done without Ray's private parts."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import ray
from ray.train.torch import TorchTrainer

from ray_bench.config.load import load
from ray_bench.launch import trial, tuned
from ray_bench.launch.tuned.plain import PlainTrainer
from ray_bench.launch.tuned.release import ReleasePlacementGroup
from ray_bench.launch.tuned.trainer import TunedTrainer


def settled(*overrides):
    told = []
    return tuned.settled(load("demo", overrides), told.append), told


@pytest.mark.skipif(ray.__version__ not in tuned.TESTED, reason="this Ray is not a tested one")
def test_runs_are_tuned_with_a_ray_that_was_tested():
    config, told = settled()
    assert (config, told) == (load("demo", []), [])
    assert tuned.trainer_class(tuned=config.launch.tuned) is TunedTrainer
    assert tuned.trainer_of(config) == "tuned"


def test_another_ray_gives_plain_runs_and_says_so(monkeypatch):
    monkeypatch.setattr(ray, "__version__", "2.56.0")
    config, (note,) = settled()
    assert note.startswith(
        "note: Ray 2.56.0: runs take Ray's plain TorchTrainer (the tuned one was"
    )
    assert tuned.trainer_class(tuned=config.launch.tuned) is PlainTrainer
    assert issubclass(PlainTrainer, TorchTrainer)
    assert tuned.trainer_of(config) == "plain"


def test_a_part_that_is_missing_gives_plain_runs_and_is_named(monkeypatch):
    monkeypatch.setattr(tuned, "TESTED", (ray.__version__,))
    monkeypatch.delitem(sys.modules, "ray_bench.launch.tuned.controller", raising=False)
    monkeypatch.setitem(sys.modules, "ray.train.v2._internal.execution.controller", None)
    config, (note,) = settled()
    assert "a part of the tuned one is missing" in note
    assert "ray.train.v2._internal.execution.controller" in note
    assert not config.launch.tuned


def test_a_user_who_wants_plain_runs_is_told_nothing():
    config, told = settled("launch.tuned=false")
    assert (tuned.trainer_of(config), told) == ("plain", [])


def test_without_the_private_parts_places_stay_taken_and_limits_are_unknown(monkeypatch, caplog):
    monkeypatch.delitem(sys.modules, "ray_bench.launch.tuned.release")
    monkeypatch.setitem(sys.modules, "ray._private.state", None)
    monkeypatch.delattr(ray._private, "state")
    assert tuned.release_callbacks() == []
    tuned.release_groups_of_the_dead()
    assert "keeps the places of runs that failed" in caplog.text
    assert tuned.autoscaler_limits() == {}


def test_a_ray_whose_dead_cannot_be_asked_for_keeps_their_places(monkeypatch, caplog):
    def groups_of_the_dead():
        raise AttributeError("no '_connect_and_get_accessor'")

    monkeypatch.setattr("ray_bench.launch.tuned.release.groups_of_the_dead", groups_of_the_dead)
    tuned.release_groups_of_the_dead()
    assert "_connect_and_get_accessor" in caplog.text


@pytest.mark.parametrize("is_older", [False, True])
def test_a_run_gives_its_places_back_with_older_rays_too(monkeypatch, is_older):
    removed = []
    monkeypatch.setattr("ray_bench.launch.tuned.release.remove_placement_group", removed.append)
    holder = SimpleNamespace(placement_group="the group")
    state = holder if is_older else SimpleNamespace(placement_group_handle=holder)
    callback = ReleasePlacementGroup()
    callback.after_worker_group_start(SimpleNamespace(get_worker_group_state=lambda: state))
    ended = callback.before_controller_shutdown()
    assert removed == ["the group"]
    if not is_older:
        assert asyncio.run(awaited(ended)) is None


async def awaited(what):
    return await what


def test_an_older_ray_is_not_asked_for_what_it_does_not_know(monkeypatch):
    @dataclass
    class Older:
        max_failures: int = 1
        controller_failure_limit: int = -1

    monkeypatch.setattr(trial, "FailureConfig", Older)
    assert trial._failure_config() == Older(max_failures=0, controller_failure_limit=2)


@pytest.mark.parametrize("name", ["without_helpers", "starting_cluster"])
def test_ray_starts_its_helpers_again_after_our_cluster_has_started_without(monkeypatch, name):
    from ray._private.node import Node

    from ray_bench.launch.tuned import helpers

    monkeypatch.setenv("RAY_BENCH_OWN_CLUSTER", "1")
    before = {method: getattr(Node, method) for method in helpers._INSTEAD}
    with getattr(helpers if name == "without_helpers" else tuned, name)():
        assert all(getattr(Node, method) is not before[method] for method in before)
    assert all(getattr(Node, method) is before[method] for method in before)
