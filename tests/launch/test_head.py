"""The head's absence is told, and ends the sweep before Ray would."""

from __future__ import annotations

import itertools

import pytest

from ray_bench.launch.head import MARGIN_S, SETTING, lost_words, patience_s, watch


def watched(answers: str, patience_s: float = 45.0) -> list[str]:
    """Return what was told; `.` answers, `x` does not, three seconds apart."""
    told: list[str] = []
    seconds = itertools.count(0, 3)
    now = {"s": 0}
    looks = iter(answers)

    def wait(_: float) -> bool:
        now["s"] = next(seconds)
        return len(told) > 9 or not remaining()

    left = list(answers)

    def remaining() -> bool:
        return bool(left)

    def is_there() -> bool:
        left.pop()
        return next(looks) == "."

    watch(
        is_there, wait, told.append, lambda s: told.append(f"end after {s:g}"),
        patience_s=patience_s, clock_s=lambda: now["s"],
    )  # fmt: skip
    return told


def test_a_head_that_answers_is_not_worth_a_word():
    assert watched("....x.x....") == []


def test_a_restart_is_told_and_ends_nothing():
    away, back = watched(".xxxxx..")
    assert "has not answered for 12 s" in away
    assert SETTING in away
    assert "answers again" in back


def test_a_head_that_stays_away_ends_the_sweep():
    away, end = watched("." + "x" * 20)
    assert "has not answered" in away
    assert end == "end after 48"


@pytest.mark.parametrize(("set_to", "is_s"), [(None, 45), ("300", 285), ("10", 5), ("odd", 45)])
def test_rays_own_patience_counts(set_to, is_s):
    assert patience_s({} if set_to is None else {SETTING: set_to}) == is_s
    assert MARGIN_S == 15


def test_the_last_words_name_the_head_and_the_setting():
    words = lost_words(("10.98.0.1", 6379), 46.2)
    assert "10.98.0.1:6379 has not answered for 46 s" in words
    assert SETTING in words
