"""A launch without workers is said to wait for places, as long as it does."""

from __future__ import annotations

import pytest

from ray_bench.launch import places
from ray_bench.launch.places import PlacesWatch
from tests.launch.test_shared import launches


class Told:
    """A watch with a clock that is set by hand, and a cluster whose groups are."""

    def __init__(self, launch) -> None:
        self.now_s = 100.0
        self.waiting = (2,)
        self.words = []
        self.launch = launch
        self.watch = PlacesWatch(self.words.append, clock_s=lambda: self.now_s)
        self.watch.started(launch)


@pytest.fixture
def told(monkeypatch, tmp_path, box):
    (launch,) = launches(tmp_path, box, world_sizes=(2,))
    made = Told(launch)
    monkeypatch.setattr(places, "_sizes_of_waiting_groups", lambda: made.waiting)
    return made


def test_it_is_asked_now_and_then_until_there_are_workers(told):
    told.watch.look()
    assert told.words == []
    for _ in range(2):
        told.now_s += 5
        told.watch.look()
        told.watch.look()  # several times a second
    said = [(words.rank, words.phase, words.detail) for words in told.words]
    assert said == [(None, "waiting for places", "2 workers")] * 2
    told.watch.heard_of(told.launch.launch_id)
    told.now_s += 5
    told.watch.look()
    assert len(told.words) == 2


def test_groups_of_other_sizes_are_somebody_elses(told):
    told.waiting = (3,)
    told.now_s += 5
    told.watch.look()
    assert [words.phase for words in told.words] == ["starting"]
