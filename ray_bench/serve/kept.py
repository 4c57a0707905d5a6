"""What takes long to compute, kept by key: once at a time, the newest asked for stay."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Executor, Future
from typing import Generic, TypeVar, final

from ray_bench.errors import LaunchError, RayBenchError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

#: A computation that failed is tried again after this, should somebody ask.
RETRY_S = 10.0
LATER = "The sweep is still being analysed. Ask again in a minute."


@final
class Kept(Generic[Key, Value]):
    """A small cache, least recently asked for out first.

    Args:
        most: How many are kept.
        executor: Computes what is begun; whoever waits for it waits for its thread.
    """

    def __init__(self, most: int, executor: Executor) -> None:
        self._most = most
        self._executor = executor
        self._lock = threading.Lock()
        self._found: OrderedDict[Key, Future[Value]] = OrderedDict()
        self._failed_at: dict[Key, float] = {}

    def begin(self, key: Key, compute: Callable[[], Value]) -> Future[Value]:
        """Return the computation of a key: the one there is, or a new one."""
        with self._lock:
            known = self._found.get(key)
            if known is not None and not self._is_stale(key, known):
                self._found.move_to_end(key)
                return known
            begun = self._executor.submit(compute)
            self._found[key] = begun
            self._found.move_to_end(key)
            self._forget()
        begun.add_done_callback(lambda done: self._note(key, done))
        return begun

    def _is_stale(self, key: Key, known: Future[Value]) -> bool:
        if known.cancelled():
            return True
        if not known.done() or known.exception() is None:
            return False
        return time.monotonic() - self._failed_at.get(key, 0.0) > RETRY_S

    def _note(self, key: Key, done: Future[Value]) -> None:
        if not done.cancelled() and done.exception() is not None:
            with self._lock:
                if self._found.get(key) is done:  # else it was pushed out meanwhile
                    self._failed_at[key] = time.monotonic()

    def _forget(self) -> None:
        """Leave out the oldest; one that is being computed is done with when it is over."""
        for key in [*self._found][: max(0, len(self._found) - self._most)]:
            self._found.pop(key).cancel()
            self._failed_at.pop(key, None)


def result_or_later(future: Future[Value], seconds: float) -> Value:
    """Return what was computed.

    Raises:
        RayBenchError: It failed, takes longer, or was put off.
    """
    result_within(future, seconds)
    if not future.done():
        raise LaunchError(LATER)
    return future.result()


def result_within(future: Future[Value], seconds: float) -> Value | None:
    """Return what was computed, None if it takes longer.

    Raises:
        RayBenchError: It failed, or was put off because too many others were asked for.
    """
    try:
        return future.result(timeout=seconds)
    except TimeoutError:
        return None
    except CancelledError:
        raise RayBenchError("Too much was asked for at once. Load the page again.") from None
