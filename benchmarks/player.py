"""The side of one rank in a game of turns: its line to the referee, and a clock that can pause.

One JSON object a line. Imports no torch, so that an arm decides what its start-up holds.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from ray_bench.measure.clock import Clock


class Stopped(Exception):  # noqa: N818  # no error: the referee has ended the game
    """No more turns are given."""


@final
class PausableClock:
    """A clock that stands still while an arm waits for its turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._paused_ns = 0

    def now_ns(self) -> int:
        """Return monotonic nanoseconds without the pauses."""
        return self._clock.now_ns() - self._paused_ns

    def synchronize(self) -> None:
        """Wait for the device."""
        self._clock.synchronize()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let no time pass inside."""
        begin_ns = self._clock.now_ns()
        try:
            yield
        finally:
            self._paused_ns += self._clock.now_ns() - begin_ns


@final
class Player:
    """One rank's line to the referee."""

    def __init__(self, address: str, rank: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._lines = Lines(self._socket)
        self._rank = rank

    def hello(self, stamps: Mapping[str, float]) -> None:
        """Tell that the first step is done, and when things happened on the way (UNIX time)."""
        self._send({"hello": self._rank, "stamps": dict(stamps)})

    def ready(self, num_steps: int) -> None:
        """Tell that warm-up is over and how many steps a turn will have; then `wait`."""
        self._send({"ready": num_steps})

    def wait(self) -> int:
        """Wait for a turn; return how many steps it should have.

        Raises:
            Stopped: If there are no more.
        """
        steps = int(self._lines.next()["steps"])
        if steps == 0:
            raise Stopped
        return steps

    def done(self, num_steps: int, seconds: float, peak_memory_bytes: int) -> None:
        """Tell what the turn took."""
        self._send({"steps": num_steps, "seconds": seconds, "memory": peak_memory_bytes})

    def answer(self, values: Mapping[str, Any]) -> None:
        """Tell the result of a training that came to its end."""
        self._send({"answer": dict(values)})

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")


@final
class Lines:
    """JSON objects from a socket, one a line."""

    def __init__(self, source: socket.socket) -> None:
        self.source = source
        self._buffer = b""

    def next(self) -> dict[str, Any]:
        """Return the next object; waits for it."""
        while (found := self.next_within(3600.0)) is None:
            pass
        return found

    def next_within(self, seconds: float) -> dict[str, Any] | None:
        """Return the next object, or None when none comes in time.

        Raises:
            Stopped: If the other side is gone.
        """
        while b"\n" not in self._buffer:
            if not select.select([self.source], [], [], seconds)[0]:
                return None
            received = self.source.recv(65536)
            if not received:
                raise Stopped
            self._buffer += received
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message
