"""Whether workers fit on hosts: bundles are whole, and the placement strategy counts."""

from __future__ import annotations

import pytest

from ray_bench.launch.places import (
    Demand,
    Holder,
    Host,
    is_crowded,
    num_lacking,
    room,
    waiting_for,
    why_never,
)

HOLDERS = [
    Holder(job_id="03000000", entrypoint="python  hold.py", held={"CPU": 2.0}),
    Holder(job_id="04000000"),
]


def host(number: int, *, cpus: float = 2, gpus: float = 0, free: float | None = None) -> Host:
    return Host(
        node_id=f"{number}f" * 28,
        address=f"10.98.0.{number}",
        total={"CPU": cpus, "GPU": gpus},
        free=None if free is None else {"CPU": free, "GPU": gpus},
    )


def demand(num_workers: int, *, cpus: float = 1, strategy="PACK", **more: float) -> Demand:
    return Demand(num_workers=num_workers, per_worker={"CPU": cpus} | more, strategy=strategy)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (demand(8), 4),
        (demand(8, strategy="SPREAD"), 4),
        (demand(4, strategy="STRICT_SPREAD"), 2),
        (demand(4, strategy="STRICT_PACK"), 2),
        (demand(2, cpus=3), 0),  # three CPUs of two hosts are no worker
        (demand(3, cpus=1.5), 2),
        (demand(2, GPU=1.0), 0),
    ],
)
def test_what_can_never_be_placed_is_told_by_host(asked, given):
    words = why_never(asked, [host(1), host(2)]) or ""
    assert f"asked {asked.num_workers} workers" in words
    assert f"the cluster can give {given}:" in words
    assert "10.98.0.1 (node 1f1f1f1f) has room for" in words
    assert "10.98.0.2" in words


@pytest.mark.parametrize(
    "asked",
    [
        demand(4),
        demand(2, strategy="STRICT_SPREAD"),
        demand(2, strategy="STRICT_PACK"),
        demand(20, cpus=0.2),  # a sum of tenths is not quite what it should be
        demand(2, cpus=2),
    ],
)
def test_what_fits_is_let_through(asked):
    assert why_never(asked, [host(1), host(2)]) is None


def test_no_host_has_room_for_nothing():
    assert "it has no host" in (why_never(demand(1), []) or "")
    assert room({"CPU": 0.3}, {"CPU": 0.1}) == 3


def test_busy_places_are_told_with_who_holds_them():
    hosts = [host(1, free=1), host(2, free=0)]
    assert num_lacking(demand(2, cpus=2), hosts) == 2
    words = waiting_for(demand(2, cpus=2), hosts, HOLDERS)
    assert words == (
        "waiting for 2 places of 2 CPUs: 10.98.0.1 has 1 of 2 CPUs free, "
        "10.98.0.2 has 0 of 2 CPUs free; job 03000000 (python hold.py) holds 2 CPUs, "
        "job 04000000 is running"
    )


def test_placement_counts_for_what_is_free():
    hosts = [host(1, free=2), host(2, free=0)]
    assert num_lacking(demand(2), hosts) == 0
    assert num_lacking(demand(2, strategy="STRICT_SPREAD"), hosts) == 1
    assert num_lacking(demand(2, strategy="STRICT_PACK"), hosts) == 0


def test_where_ray_does_not_tell_what_is_free_nothing_is_waited_for():
    assert num_lacking(demand(4), [host(1), host(2)]) == 0


def test_of_many_hosts_some_are_named():
    words = why_never(demand(99), [host(number) for number in range(1, 8)]) or ""
    assert "and 3 more" in words


@pytest.mark.parametrize(
    ("asked", "free", "is_other"),
    [
        (demand(2, strategy="SPREAD"), (2, 2), False),
        (demand(2, strategy="SPREAD"), (2, 0), True),
        (demand(2, strategy="SPREAD"), (1, 1), False),
        (demand(2), (2, 2), False),
        (demand(2), (1, 1), True),
        (demand(2), (0, 2), False),
        (demand(2, strategy="STRICT_SPREAD"), (2, 1), False),
    ],
)
def test_places_are_free_and_not_where_they_would_be(asked, free, is_other):
    hosts = [host(number, free=cpus) for number, cpus in enumerate(free, start=1)]
    assert is_crowded(asked, hosts) is is_other
