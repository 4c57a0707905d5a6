"""Calls in daemon threads: Ctrl-C works while one hangs, and none keeps the program alive."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_NAME = "ray_bench-store"

S = TypeVar("S")
T = TypeVar("T")


def call_in_thread(call: Callable[[], T], timeout_s: float) -> T:
    """Return what a call returns.

    Raises:
        TimeoutError: If it takes longer; its thread is left to itself.
    """
    outcome: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as err:  # noqa: BLE001  # raised again below
            errors.append(err)

    thread = threading.Thread(target=work, name=_NAME, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {timeout_s:g} s")
    if errors:
        raise errors[0]
    return outcome[0]


def leave_if_hanging(exit_code: int) -> None:
    """End the process here and now if a call hangs still; else do nothing.

    At the end of a program pyarrow waits for such calls, and crashes if it is kept from it.
    """
    if not any(thread.name == _NAME for thread in threading.enumerate()):
        return
    from pyarrow import fs

    atexit.unregister(fs.ensure_s3_finalized)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def map_in_threads(call: Callable[[S], T], items: Iterable[S], num_threads: int) -> list[T]:
    """Return what a call returns for every item, in their order; the first error is raised.

    A pool of `concurrent.futures` would be waited for after Ctrl-C.
    """
    waiting = deque(enumerate(items))
    results: list[Any] = [None] * len(waiting)
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            try:
                index, item = waiting.popleft()
            except IndexError:
                return
            try:
                results[index] = call(item)
            except BaseException as err:  # noqa: BLE001  # raised again below
                errors.append(err)

    threads = [
        threading.Thread(target=work, name=_NAME, daemon=True)
        for _ in range(min(num_threads, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        waiting.clear()
        raise
    if errors:
        raise errors[0]
    return results
