"""Computations that are kept: one at a time for a key, the oldest out first, failures again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ray_bench.errors import ConfigError, LaunchError, RayBenchError
from ray_bench.serve import kept
from ray_bench.serve.kept import Kept, result_or_later, result_within


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as made:
        yield made


def test_who_asks_for_the_same_at_once_waits_for_one_computation(pool):
    cache, calls, go = Kept(4, pool), [], threading.Event()

    def compute():
        calls.append(1)
        go.wait(5)
        return "made"

    begun = [cache.begin("key", compute) for _ in range(20)]
    assert result_within(begun[0], 0.01) is None
    go.set()
    assert {x.result(5) for x in begun} == {"made"}
    assert calls == [1]


def test_the_one_that_was_asked_for_longest_ago_goes_first(pool):
    cache, calls = Kept(2, pool), []
    for key in ("a", "b", "a", "c", "a", "b"):
        cache.begin(key, lambda key=key: calls.append(key)).result(5)
    assert calls == ["a", "b", "c", "b"]


def test_what_failed_is_told_and_after_a_while_tried_again(pool, monkeypatch):
    cache, outcomes = Kept(2, pool), iter([ConfigError("first"), None])

    def compute():
        error = next(outcomes)
        if error is not None:
            raise error
        return "made"

    for _ in range(2):
        with pytest.raises(ConfigError, match="first"):
            result_within(cache.begin("key", compute), 5)
    monkeypatch.setattr(kept, "RETRY_S", -1.0)
    assert result_within(cache.begin("key", compute), 5) == "made"


def test_what_waits_and_is_pushed_out_says_so(pool):
    cache, go = Kept(1, pool), threading.Event()
    cache.begin("first", lambda: go.wait(5))
    waiting = cache.begin("second", lambda: "made")
    cache.begin("third", lambda: "made")
    go.set()
    with pytest.raises(RayBenchError, match="Load the page again"):
        result_within(waiting, 5)


def test_who_has_waited_for_long_is_told_and_none_is_an_answer_too(pool):
    cache, go = Kept(4, pool), threading.Event()
    waiting = cache.begin("key", lambda: go.wait(5) and None)
    with pytest.raises(LaunchError, match="Ask again"):
        result_or_later(waiting, 0.01)
    go.set()
    assert result_or_later(waiting, 5) is None


def test_a_failure_of_what_was_pushed_out_leaves_nothing(pool):
    cache, go = Kept(1, pool), threading.Event()

    def fail():
        go.wait(5)
        raise ConfigError("late")

    failing = cache.begin("first", fail)
    cache.begin("second", lambda: "made")
    go.set()
    assert failing.exception(5) is not None
    pool.shutdown()
    assert cache._failed_at == {}
