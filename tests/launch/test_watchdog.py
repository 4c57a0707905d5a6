"""When a launch is ended from outside, and what a failure is explained with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.launch import watchdog
from ray_bench.launch.beats import Heard
from ray_bench.launch.failures import Failure
from ray_bench.launch.vacancy import Look
from ray_bench.launch.watchdog import Watchdog
from tests.launch.test_beats import heard, of
from tests.launch.test_shared import launches
from tests.launch.test_vacancy import host

HOSTS = (replace(host(1), node_id="node0"), replace(host(2), node_id="node1"))
BOTH = of(heard(0, is_waiting=True), heard(1))
COLLATERAL = Failure("RuntimeError", "[gloo] Connection closed by peer", 0)


@pytest.fixture
def dog(monkeypatch, tmp_path, box):
    """Watches a launch on two hosts; `box.heard` is what its ranks say."""
    (launch,) = launches(tmp_path, box, world_sizes=(2,))
    monkeypatch.setattr(watchdog, "HOSTS_EVERY_S", -1.0)
    monkeypatch.setattr(watchdog, "lost_words", lambda gone: f"Lost {gone[0].address}.")
    see(monkeypatch, *HOSTS)
    return Watchdog(replace(launch, hosts=HOSTS))


def see(monkeypatch, *hosts) -> None:
    seen = Look(hosts=hosts, can_grow=False)
    monkeypatch.setattr(watchdog, "look", lambda **_: seen)


def told(dog: Watchdog, monkeypatch, ranks: dict[int, Heard], failure: Failure) -> Failure:
    monkeypatch.setattr(dog, "_heard", lambda: ranks)
    return dog.explain(failure)


def test_ranks_that_train_are_left_alone(dog):
    assert dog._judge(BOTH) is None


def test_a_silent_rank_ends_the_launch(dog):
    verdict = dog._judge(of(heard(0), heard(1, silent_s=400)))
    assert (verdict.type, verdict.rank) == ("RanksMissing", 1)


def test_a_lost_host_of_a_rank_ends_the_launch(dog, monkeypatch):
    see(monkeypatch, HOSTS[0])
    verdict = dog._judge(BOTH)
    assert (verdict.type, verdict.message) == ("HostLost", "Lost 10.98.0.2.")
    verdict = dog._judge(of(heard(0), heard(1, silent_s=52)))
    assert "silent for 52 s" in verdict.message
    assert "RAY_health_check_failure_threshold" in verdict.message


def test_a_lost_host_without_a_rank_ends_nothing(dog, monkeypatch):
    see(monkeypatch, HOSTS[0])
    assert dog._judge(of(heard(0), replace_node(heard(1), "node0"))) is None


def replace_node(one: Heard, node_id: str) -> Heard:
    return replace(one, beat=replace(one.beat, node_id=node_id))


def test_a_host_that_was_cut_off_keeps_no_launch_waiting(dog, monkeypatch):
    see(monkeypatch, HOSTS[0], replace(HOSTS[1], answers=False))
    assert dog._judge(of(heard(0))) is None
    dog._silent_s["node1"] -= 301
    assert dog._judge(BOTH) is None  # both ranks train
    verdict = dog._judge(of(heard(0)))
    assert (verdict.type, verdict.rank) == ("HostLost", None)
    assert "10.98.0.2 (node node1) did not answer for 300 s (launch.timeout_s)" in verdict.message
    see(monkeypatch, *HOSTS)
    assert dog._judge(of(heard(0))) is None
    see(monkeypatch, HOSTS[0], replace(HOSTS[1], answers=False))
    assert dog._judge(of(heard(0))) is None  # it had answered in between


def test_workers_that_never_start_end_the_launch(dog, monkeypatch):
    assert dog._judge({}) is None
    dog._begin_s -= 301
    verdict = dog._judge({})
    assert "No rank was heard of for 300 s" in verdict.message


def test_what_a_rank_says_that_lost_another_is_explained(dog, monkeypatch):
    late = of(heard(0), heard(1, silent_s=9))
    assert told(dog, monkeypatch, late, COLLATERAL).type == "RanksMissing"
    assert told(dog, monkeypatch, of(heard(0, where=None), heard(1, where=None)), COLLATERAL) == (
        COLLATERAL
    )
    see(monkeypatch, HOSTS[0])
    assert told(dog, monkeypatch, BOTH, COLLATERAL).type == "HostLost"


def test_a_cause_is_not_explained_away(dog, monkeypatch):
    cause = Failure("ValueError", "bad data", 1)
    see(monkeypatch, HOSTS[0])
    assert told(dog, monkeypatch, BOTH, cause) == cause
    dog.verdict = Failure("RanksMissing", "rank 1", 1)
    assert told(dog, monkeypatch, BOTH, cause) == dog.verdict
