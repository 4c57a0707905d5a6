"""Which update ends a step."""

from __future__ import annotations

import itertools

import pytest

from ray_bench.attach.anchor import MAX_RESTARTS, Anchor


def steps_of(updates: str, *, learn: int) -> list[int]:
    """Return after which updates a step ended, from 0; learning is over after `learn` of them."""
    anchor = Anchor()
    found = []
    for index, name in enumerate(updates):
        if anchor.updated(ord(name)):
            found.append(index)
        if index == learn:
            anchor.fix()
    return found


@pytest.mark.parametrize(
    ("cycle", "last"), [("A", 0), ("DG", 1), ("DDDDDG", 5), ("abcdefg", 6), ("ABCB", 2)]
)
def test_a_step_ends_with_the_rarest_optimizer_that_is_last_in_its_cycle(cycle, last):
    found = steps_of(cycle * 20, learn=5 * len(cycle))
    late = [index for index in found if index > 6 * len(cycle)]
    assert late == list(range(late[0], 20 * len(cycle), len(cycle)))
    assert late[0] % len(cycle) == last


def test_a_new_optimizer_is_learnt_and_the_fourth_one_is_not():
    anchor = Anchor()
    assert all(anchor.updated(0) for _ in range(20))
    anchor.fix()
    for new in range(1, MAX_RESTARTS + 1):
        ends = [[anchor.updated(0), anchor.updated(new)] for _ in range(10)]
        assert [sum(each) for each in ends[2:]] == [1] * 8  # one step a cycle
        anchor.fix()
    assert anchor.num_restarts == MAX_RESTARTS
    ends = [[anchor.updated(0), anchor.updated(MAX_RESTARTS), anchor.updated(9)] for _ in range(5)]
    assert [sum(each) for each in ends] == [1] * 5
    assert anchor.num_restarts == MAX_RESTARTS


def test_after_learning_a_rare_optimizer_of_before_changes_nothing():
    found = steps_of("AB" * 5 + "A" * 5 + "AB" * 5, learn=9)
    assert found == [0, *range(1, 10, 2), *range(16, 25, 2)]
    assert all(b > a for a, b in itertools.pairwise(found))
