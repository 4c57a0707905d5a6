"""From what ranks say each second to who holds the others up."""

from __future__ import annotations

import time

import pytest

from ray_bench.launch.beats import Beat, Heard, held_up, missing
from ray_bench.launch.inbox import _Inbox


def heard(rank: int, *, silent_s=0.5, still_s=0.0, is_waiting=False, step=12, **more) -> Heard:
    values = {"where": "backward (step.py:1)"} | more
    beat = Beat(
        rank=rank,
        node_id=f"node{rank}",
        address=f"10.98.0.{rank + 1}",
        step=step,
        is_waiting=is_waiting,
        **values,
    )
    return Heard(beat=beat, silent_s=silent_s, still_s=still_s)


def of(*ranks: Heard) -> dict[int, Heard]:
    return {one.beat.rank: one for one in ranks}


WAITS = heard(0, still_s=21, is_waiting=True)
LONG = heard(0, still_s=26, is_waiting=True)


def test_a_stopped_rank_is_named_with_those_that_wait_for_it_and_the_setting():
    failure = missing(of(WAITS, heard(1, silent_s=20.4, still_s=20.4)), 2, 20.0)
    assert failure is not None
    assert (failure.type, failure.rank, failure.status) == ("RanksMissing", 1, "failed")
    assert failure.message == (
        "Rank 1 on 10.98.0.2 has not been heard of for 20 s; rank 0 waits in step 12. "
        "The limit is launch.timeout_s=20."
    )


def test_a_rank_that_hangs_speaks_still_and_is_named_with_its_place():
    failure = missing(of(LONG, heard(1, still_s=26, where="hang (faulty.py:41)")), 2, 20.0)
    assert failure is not None
    assert failure.rank == 1
    assert "Rank 1 on 10.98.0.2 has stood still in hang (faulty.py:41) for 26 s" in failure.message


def test_a_rank_that_never_came_is_named():
    failure = missing(of(heard(0, still_s=21, step=0, where=None)), 2, 20.0)
    assert failure is not None
    assert (failure.rank, failure.message[:24]) == (1, "Rank 1 has not arrived. ")


@pytest.mark.parametrize(
    "ranks",
    [
        of(heard(0), heard(1)),
        of(WAITS, heard(1, still_s=21)),  # gloo has a word first
        of(LONG, heard(1, still_s=1)),  # the other one moves; DDP's own time-out counts
        of(heard(0, still_s=1000), heard(1, still_s=1000)),  # a long evaluation, nobody waits
        of(heard(0), heard(1, silent_s=1000, has_ended=True)),
        of(heard(0, silent_s=1000, has_ended=True), heard(1, silent_s=900, has_ended=True)),
        {},
    ],
)
def test_what_may_still_come_is_waited_for(ranks):
    assert missing(ranks, 2, 20.0) is None


def test_where_all_wait_those_of_the_earliest_step_hold_the_others_up():
    ranks = of(heard(0, is_waiting=True), heard(1, is_waiting=True, step=11))
    failure = held_up(ranks, 20.0)
    assert failure is not None
    assert failure.rank == 1
    assert held_up(of(heard(0, is_waiting=True), heard(1, is_waiting=True)), 20.0) is None


def test_of_many_missing_ranks_some_are_named_and_none_is_blamed_alone():
    ranks = of(WAITS, *(heard(rank, silent_s=30) for rank in range(1, 20)))
    failure = missing(ranks, 20, 20.0)
    assert failure is not None
    assert failure.rank is None
    assert "and 11 more" in failure.message


def test_the_inbox_tells_silence_and_standing_still(monkeypatch):
    inbox = _Inbox.__ray_metadata__.modified_class()
    now = {"s": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: now["s"])
    for second, step in enumerate((1, 2, 2, 2)):
        now["s"] = float(second)
        inbox.beat("one", heard(0, step=step).beat)
        inbox.beat("one", heard(1, step=second, worker="handle" if not second else None).beat)
    now["s"] = 5.0
    first, second = inbox.heard("one").values()
    assert (first.silent_s, first.still_s) == (2, 4)
    assert (second.silent_s, second.still_s) == (2, 2)
    assert (first.beat.worker, second.beat.worker) == (None, "handle")
    assert inbox.heard("another") == {}
