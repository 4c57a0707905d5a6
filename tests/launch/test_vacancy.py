"""Waiting for places: told at once and then rarely, for no longer than asked, and not in vain."""

from __future__ import annotations

import pytest

from ray_bench.launch import vacancy
from ray_bench.launch.failures import Failure
from ray_bench.launch.places import Demand, Holder, Host
from ray_bench.launch.vacancy import Look

DEMAND = Demand(num_workers=2, per_worker={"CPU": 2.0}, strategy="PACK")


def host(number: int, *, free: float = 2, **more) -> Host:
    return Host(
        node_id=f"{number}a" * 28,
        address=f"10.98.0.{number}",
        total={"CPU": 2.0},
        free={"CPU": free},
        **more,
    )


FREE = Look(hosts=(host(1), host(2)), can_grow=False)
TAKEN = Look(hosts=(host(1, free=0), host(2)), can_grow=False)
LOST = Look(hosts=(host(1),), can_grow=False)


@pytest.fixture(autouse=True)
def _without_ray(monkeypatch):
    held = [Holder(job_id="03000000", held={"CPU": 2.0})]
    monkeypatch.setattr(vacancy, "holders", lambda wanted: held)
    monkeypatch.setattr(vacancy, "lost_words", lambda gone: f"Lost {gone[0].address}.")


def wait(*looks: Look, limit_s: float = 600.0) -> tuple[float | Failure, list[str]]:
    """Look once a second; the last look stays."""
    told: list[str] = []
    now = {"s": -1.0}
    left = list(looks)

    def look() -> Look:
        now["s"] += 1.0
        return left.pop(0) if len(left) > 1 else left[0]

    found = vacancy.wait_for(
        DEMAND, FREE.hosts, limit_s=limit_s, tell=told.append,
        clock_s=lambda: max(now["s"], 0.0), sleep=lambda _: None, look=look,
    )  # fmt: skip
    return found, told


def test_free_places_are_not_worth_a_word():
    assert wait(FREE) == (0.0, [])
    assert wait(TAKEN, FREE) == (1.0, [])  # Ray's own view lags


def test_places_of_the_run_before_are_waited_for_a_moment():
    crowded = Look(hosts=(host(1, free=0), host(2, free=4)), can_grow=False)
    assert wait(crowded, crowded, FREE) == (2.0, [])
    assert wait(crowded) == (vacancy.CROWDED_S, [])  # another job's: then as it is


def test_a_wait_is_told_at_once_and_every_half_minute():
    found, told = wait(*[TAKEN] * 70, FREE)
    assert found == 70.0
    assert len(told) == 3
    assert told[0].endswith("10.98.0.1 has 0 of 2 CPUs free; job 03000000 holds 2 CPUs")


def test_a_wait_ends_with_who_was_waited_for_and_the_setting():
    found, _ = wait(TAKEN, limit_s=5.0)
    assert isinstance(found, Failure)
    assert found.type == "PlacesTaken"
    assert "after 5 s of waiting for 1 place of 2 CPUs" in found.message
    assert "launch.wait_s" in found.message


def test_a_lost_host_ends_the_wait_at_once_and_is_named():
    found, told = wait(TAKEN, LOST)
    assert isinstance(found, Failure)
    assert (found.type, told) == ("HostLost", [])
    assert found.message.startswith("Lost 10.98.0.2. Asked 2 workers of 2 CPUs")


def test_a_host_that_does_not_answer_is_waited_for():
    cut = Look(hosts=(host(1), host(2, free=0, answers=False)), can_grow=False)
    found, told = wait(cut, cut, cut, FREE)
    assert found == 3.0
    assert told == [
        "waiting for 1 place of 2 CPUs: 10.98.0.2 does not answer; job 03000000 holds 2 CPUs"
    ]


def test_where_hosts_can_be_added_ray_is_asked_for_them():
    assert wait(Look(hosts=(host(1),), can_grow=True)) == (0.0, [])
