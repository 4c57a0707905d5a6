"""The thread of a worker that says each second where the rank is."""

from __future__ import annotations

import contextlib
import sys
import sysconfig
import threading
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType
from typing import Any, final

import ray
import torch
from ray import train

from ray_bench.launch.beats import Beat
from ray_bench.train.pulse import PULSE

PERIOD_S = 1.0
#: Files of torch in which a rank waits for others: collectives, and the backward pass with DDP's.
_WAITS = ("/torch/distributed/", "/torch/autograd/graph.py")
_NOT_OURS = (torch.__path__[0], sysconfig.get_paths()["stdlib"])


@final
class Heartbeat:
    """Beats until the process ends; the inbox hears when it stops."""

    def __init__(self, inbox: Any, launch_id: str) -> None:
        self._inbox = inbox
        self._launch_id = launch_id
        context = ray.get_runtime_context()
        self._node_id = context.get_node_id()
        self._address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        self._worker = context.current_actor
        self._rank = train.get_context().get_world_rank()
        self._thread_id: int | None = None
        self._ended = threading.Event()
        PULSE.step = 0
        self._thread = threading.Thread(target=self._beat_until_the_end, daemon=True)
        self._thread.start()

    def follow(self) -> None:
        """Tell from now on where the calling thread is."""
        self._thread_id = threading.get_ident()

    def end(self) -> None:
        """Say that this rank has done its part, and be silent from now on."""
        self._ended.set()
        self._thread.join()

    def _beat_until_the_end(self) -> None:
        first = replace(self._now(), worker=self._worker)
        self._inbox.beat.remote(self._launch_id, first)
        has_ended = self._ended.wait(PERIOD_S)
        while not has_ended:
            self._inbox.beat.remote(self._launch_id, self._now())
            has_ended = self._ended.wait(PERIOD_S)
        self._inbox.beat.remote(self._launch_id, replace(self._now(), has_ended=True))

    def _now(self) -> Beat:
        ident = self._thread_id
        frame = None if ident is None else sys._current_frames().get(ident)
        return Beat(
            rank=self._rank,
            node_id=self._node_id,
            address=self._address,
            step=PULSE.step,
            where=None if frame is None else place(frame),
            is_waiting=frame is not None and waits(frame),
        )


def waits(frame: FrameType) -> bool:
    """Tell whether a thread waits for other ranks, as far as its stack shows."""
    return any(name in each.f_code.co_filename for each in _stack(frame) for name in _WAITS)


def place(frame: FrameType) -> str:
    """Return the innermost function on a stack that is neither torch's nor Python's own."""
    code = next((f.f_code for f in _stack(frame) if _is_ours(f)), frame.f_code)
    file = code.co_filename.rpartition("/")[2]
    return f"{code.co_name} ({file}:{code.co_firstlineno})"


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return not name.startswith(_NOT_OURS) or "/ray_bench/" in name


def _stack(frame: FrameType) -> list[FrameType]:
    stack: list[FrameType] = []
    current: FrameType | None = frame
    while current is not None:
        stack.append(current)
        current = current.f_back
    return stack


@contextlib.contextmanager
def following(inbox: Any, launch_id: str) -> Iterator[None]:
    """Tell where the calling thread is, until it has done its part of a launch."""
    if not ray.is_initialized() or ray.get_runtime_context().get_actor_id() is None:
        yield  # Ray's local mode: there is nobody to wait for
        return
    heart = begin(inbox, launch_id)
    heart.follow()
    yield
    heart.end()


#: Of this worker: a process has one launch after the other, never two.
_beating: Heartbeat | None = None


def begin(inbox: Any, launch_id: str) -> Heartbeat:
    """Start the heartbeat of this worker, where it does not beat already."""
    global _beating
    if _beating is None:
        _beating = Heartbeat(inbox, launch_id)
    return _beating
