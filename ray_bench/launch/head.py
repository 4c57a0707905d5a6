"""Notices that the head of the cluster is gone before Ray aborts this process for it.

Ray waits for its head for a minute (`RAY_gcs_rpc_server_reconnect_timeout_s`), and then ends the
process from a thread of its own: nothing that Python would do at the end is done.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import ray

from ray_bench.launch.listener import SweepListener

SETTING = "RAY_gcs_rpc_server_reconnect_timeout_s"
_RAYS_OWN_S = 60.0
LOOK_EVERY_S = 3.0
_ANSWER_S = 3.0
#: Silence that is worth a word; an ordinary restart is shorter.
TELL_AFTER_S = 10.0
#: Left of Ray's patience for the last words.
MARGIN_S = 15.0


@contextlib.contextmanager
def watching_head(listener: SweepListener, clean_up: Callable[[], None]) -> Iterator[None]:
    """Watch the head while a sweep lasts; where it stays away, end this process with a word.

    Args:
        listener: Told that the head is away, and in the end that the sweep is over.
        clean_up: Called before the process ends.
    """
    ended = threading.Event()
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    address = (host.strip("[]"), int(port))

    def end(away_s: float) -> None:
        listener.head_lost(lost_words(address, away_s))
        clean_up()
        os._exit(1)  # the main thread may be inside a call of Ray's that never returns

    watcher = threading.Thread(
        target=watch,
        args=(lambda: answers(address), ended.wait, listener.note, end),
        kwargs={"patience_s": patience_s(os.environ)},
        daemon=True,
    )
    watcher.start()
    try:
        yield
    finally:
        ended.set()


def patience_s(environment: os._Environ[str] | dict[str, str]) -> float:
    """Return how long the head may be away: a little less than Ray would wait."""
    try:
        rays_s = float(environment.get(SETTING, _RAYS_OWN_S))
    except ValueError:
        rays_s = _RAYS_OWN_S
    return max(rays_s - MARGIN_S, rays_s / 2)


def answers(address: tuple[str, int]) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection(address, timeout=_ANSWER_S).close()
    except OSError:
        return False
    return True


def watch(
    is_there: Callable[[], bool],
    wait: Callable[[float], bool],
    note: Callable[[str], None],
    end: Callable[[float], None],
    *,
    patience_s: float,
    clock_s: Callable[[], float] = time.monotonic,
) -> None:
    """Look until `wait` says that it is over, or `end` was called.

    Args:
        is_there: Whether the head answers.
        wait: Waits so many seconds; whether the sweep has ended meanwhile.
        note: Told once that the head is away, and that it is back.
        end: Called with the seconds that it was away, when those are too many.
        patience_s: So many are too many.
        clock_s: Seconds that only grow.
    """
    seen_s, has_told = clock_s(), False
    while not wait(LOOK_EVERY_S):
        if is_there():
            if has_told:
                note("The head of the cluster answers again.")
            seen_s, has_told = clock_s(), False
            continue
        away_s = clock_s() - seen_s
        if away_s > patience_s:
            end(away_s)
            return
        if away_s > TELL_AFTER_S and not has_told:
            note(
                f"The head of the cluster has not answered for {away_s:.0f} s; after "
                f"{patience_s:.0f} s this sweep ends ({SETTING})."
            )
            has_told = True


def lost_words(address: tuple[str, int], away_s: float) -> str:
    """Return what is said last."""
    return (
        f"error: the head of the cluster at {address[0]}:{address[1]} has not answered for "
        f"{away_s:.0f} s, and Ray would abort this program after a while ({SETTING})."
    )
