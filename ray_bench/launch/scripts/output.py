"""What a script's rank writes: its beginning and its end are kept, and why it failed is read."""

from __future__ import annotations

import collections
import os
import re
import signal
import time
from typing import final

from ray_bench.causes import kind_of
from ray_bench.launch.failures import MAX_MESSAGE, Failure
from ray_bench.records import kept_traceback

#: Bytes that are kept of the beginning, and as many of the end.
KEPT_BYTES = 256 * 1024
#: Lines that are shown while it runs, a second; what is more is in the file.
LINES_PER_S = 20
_CHUNK = 64 * 1024
_TRACEBACK = "Traceback (most recent call last):"
_ERROR = re.compile(r"^([A-Za-z_][\w.]*): ?(.*)$", re.DOTALL)


@final
class Output:
    """Of one rank. One thread reads, another looks."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: collections.deque[bytes] = collections.deque()
        self._tail_size = 0
        self._left_out = 0
        self._line = b""
        self._lines: list[str] = []
        self._second = 0.0
        self._num_shown = 0
        self._num_hidden = 0

    def read(self, number: int) -> None:
        """Read until nobody can write any more; `number` is a file descriptor."""
        while chunk := os.read(number, _CHUNK):
            self.add(chunk)

    def add(self, chunk: bytes) -> None:
        """Take what was written."""
        room = KEPT_BYTES - len(self._head)
        self._head += chunk[:room]
        if rest := chunk[room:]:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= KEPT_BYTES:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._left_out += len(gone)
        self._show(chunk)

    @property
    def kept(self) -> bytes:
        """The beginning and the end, with a line between them where something is left out."""
        end = b"".join(self._tail)
        left_out = self._left_out + max(0, len(end) - KEPT_BYTES)
        between = f"\n... {left_out:,} bytes are left out here ...\n" if left_out else ""
        return bytes(self._head) + between.encode() + end[-KEPT_BYTES:]

    @property
    def end_text(self) -> str:
        """Its last characters, as text."""
        return self.kept[-KEPT_BYTES // 4 :].decode(errors="replace")

    def take_lines(self) -> list[str]:
        """Return the lines since the last call that are to be shown."""
        lines, self._lines = self._lines, []
        return lines

    def _show(self, chunk: bytes) -> None:
        *whole, self._line = (self._line + chunk).split(b"\n")
        self._line = self._line[-_CHUNK:]
        now_s = time.monotonic()
        if now_s - self._second >= 1.0:
            if self._num_hidden:
                self._lines.append(f"({self._num_hidden:,} lines more)")
            self._second, self._num_shown, self._num_hidden = now_s, 0, 0
        room = max(0, LINES_PER_S - self._num_shown)
        shown = [_printable(line) for line in whole[:room]]
        self._lines += [line for line in shown if line]
        self._num_shown += len(shown)
        self._num_hidden += len(whole) - len(shown)


def _printable(line: bytes) -> str:
    """Return a line for a terminal: of a progress bar the last state, and no control characters."""
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    return "".join(x if x.isprintable() else "\N{REPLACEMENT CHARACTER}" for x in text)[:200]


def failure_of(text: str, code: int, rank: int) -> Failure:
    """Return why a rank of a script failed, from the end of what it wrote.

    Args:
        text: The end of its output.
        code: Its exit code; below 0 the signal that ended it.
        rank: The rank.
    """
    if code < 0:
        return _killed(text, -code, rank)
    own = text[text.rfind(_TRACEBACK) :] if _TRACEBACK in text else ""
    found = _raised(own)
    if found is None:
        last = " ".join(_last_lines(text)) or "it wrote nothing"
        words = f"The script of rank {rank} ended with exit code {code}: {last}"
        return Failure("ScriptEnded", words[:MAX_MESSAGE], rank, traceback=kept_traceback(text))
    return raised(*found, own, rank)


def raised(name: str, words: str, trace: str | None, rank: int) -> Failure:
    """Return the failure of a rank whose script raised an error.

    Args:
        name: Of its class.
        words: What it says.
        trace: Its traceback.
        rank: The rank.
    """
    kind = name.rpartition(".")[2]
    return Failure(
        kind_of([kind], f"{kind} {words}") or kind,
        (words or kind)[:MAX_MESSAGE],
        rank,
        traceback=kept_traceback(trace or "") or None,
    )


def _killed(text: str, number: int, rank: int) -> Failure:
    name = signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"
    likely = " (often the system's out-of-memory killer)" if name == "SIGKILL" else ""
    words = f"The script of rank {rank} was ended by {name}{likely}."
    return Failure("WorkerDied", words, rank, traceback=kept_traceback(text) or None)


def _raised(own: str) -> tuple[str, str] | None:
    """Return class and words of the error at the end of a traceback, without what comes after."""
    lines = own.splitlines()[1:]
    after = [n for n, line in enumerate(lines) if line and not line[0].isspace()]
    if not after:
        return None
    first = after[0]
    found = _ERROR.match(lines[first]) or re.match(r"^([A-Za-z_][\w.]*)()$", lines[first])
    if found is None:
        return None
    return found[1], " ".join(found[2].split())


def _last_lines(text: str, num: int = 3) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-num:]
