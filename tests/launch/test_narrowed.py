"""A run that is not spread because a host is lost is no measurement of `spread`."""

from __future__ import annotations

import pytest

from ray_bench.config.placements import placement
from ray_bench.config.schema import SweepConfig
from ray_bench.launch import vacancy
from ray_bench.launch.places import Host
from ray_bench.launch.vacancy import Look


def host(name: str, address: str = "", *, cpus: float = 2, answers: bool = True) -> Host:
    where = address or f"10.0.0.{name}"
    return Host(node_id=name, address=where, total={"CPU": cpus}, answers=answers)


BEFORE = (host("1"), host("2"))


def narrowed(name, nodes, now, before=BEFORE, *, can_grow: bool = False) -> str | None:
    seen = Look(hosts=tuple(now), can_grow=can_grow)
    config = SweepConfig(workload="x")
    return vacancy.narrowed(
        placement(name), list(nodes), config, before, use_gpu=False, look=lambda: seen
    )


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch):
    monkeypatch.setattr(vacancy, "lost_words", lambda gone: f"lost: {[x.node_id for x in gone]}")


@pytest.mark.parametrize("now", [(host("1"),), (host("1"), host("2", answers=False))])
def test_a_lost_host_is_named_where_workers_would_have_been(now):
    assert narrowed("spread", "11", now) == (
        "The placement spread was asked for, and Ray put 2 workers on 1 node. lost: ['2']"
    )


@pytest.mark.parametrize(
    ("name", "nodes", "now"),
    [
        ("spread", "11", BEFORE),  # Ray chose it, and `difference` says so
        ("spread", "13", [host("1"), host("3", "10.0.0.2")]),  # joined again
        ("spread", "1313", [host("1"), host("3", "10.0.0.2")]),
        ("pack", "11", [host("1")]),
        ("strict_pack", "11", [host("1")]),
    ],
)
def test_nothing_is_missed_where_the_place_is_as_it_would_be(name, nodes, now):
    assert narrowed(name, nodes, now) is None


def test_a_host_without_room_for_workers_is_not_missed():
    assert narrowed("spread", "11", [host("1")], (host("1"), host("2", cpus=0))) is None


def test_hosts_that_an_autoscaler_takes_away_are_not_lost():
    assert narrowed("spread", "11", [host("1")], can_grow=True) is None
