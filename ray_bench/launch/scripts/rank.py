"""One rank of a script, from its start to its end, seen from the worker beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final

from ray_bench.launch.failures import Failure
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.output import failure_of, raised
from ray_bench.launch.scripts.process import ScriptProcess
from ray_bench.records import kept_traceback

LOOK_EVERY_S = 0.25
#: The others are asked for, and output is shown, less often.
ASK_EVERY_S = 1.0
#: After another rank's failure: a rank that only lost its peer ends by itself, and says how.
GRACE_S = 4.0
#: After the last step that was asked for: for the script's own `finally`, and its threads.
LINGER_S = 60.0
_FRAME = re.compile(r'^  File "([^"]+)", line (\d+) in (.+)$', re.MULTILINE)
_NOT_THEIRS = ("site-packages", "/lib/python", "<frozen", "/ray_bench/attach/")
_WAITS = "/torch/distributed/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankEnd:
    """How a rank of a script ended, and what it left."""

    rank: int
    failure: Failure | None  # None: exit code 0, or measured, or stopped because of another rank
    is_stopped: bool  # by us, because of another rank
    died_at_exit: bool = False  # by a signal, when its script was over
    ended_s: float  # by the clock of the day
    journal: bytes
    output: bytes
    node_id: str | None = None
    address: str | None = None  # of its host

    @property
    def blame(self) -> tuple[bool, bool, float]:
        """Orders failures: what only follows from another rank last, then what waits for others."""
        failure = self.failure
        waits = (
            failure is not None
            and failure.type == "ScriptHung"
            and _WAITS in (failure.traceback or "")
        )
        return failure is not None and failure.is_collateral, waits, self.ended_s


class Meeting(Protocol):
    """Of the workers beside the ranks."""

    @property
    def has_failed(self) -> bool:
        """Whether some rank has failed."""
        ...

    def fail(self) -> None:
        """Say that this one has."""
        ...


@final
class ScriptRank:
    """Follows a rank.

    Args:
        rank: Its number.
        process: Has been started.
        journal: What it measures.
        meeting: Of all ranks.
        limit_s: How long it may make no step.
        show: Told lines of its output; None: nobody looks.
    """

    def __init__(
        self,
        rank: int,
        process: ScriptProcess,
        journal: JournalReader,
        meeting: Meeting,
        *,
        limit_s: float,
        show: Callable[[Sequence[str]], None] | None,
    ) -> None:
        self._rank = rank
        self._process = process
        self._journal = journal
        self._meeting = meeting
        self._limit_s = limit_s
        self._show = show
        self._moved_s = self._asked_s = time.monotonic()
        self._stop_s: float | None = None  # when it is to be ended: another rank has failed
        self._is_stopped = False
        self._is_hung = False
        self._measured_s: float | None = None

    def follow(self) -> RankEnd:
        """Return how it ends."""
        code = None
        while code is None:
            code = self._process.wait(LOOK_EVERY_S)
            self._look()
        end = RankEnd(
            rank=self._rank,
            failure=self._failure(code),
            is_stopped=self._is_stopped,
            died_at_exit=self._died_at_exit(code),
            ended_s=time.time(),
            journal=self._journal.content,
            output=self._process.output.kept,
        )
        if end.failure is not None:
            self._meeting.fail()
        return end

    def _look(self) -> None:
        now_s = time.monotonic()
        if self._journal.look():
            self._moved_s = now_s
        if now_s - self._asked_s >= ASK_EVERY_S:
            self._asked_s = now_s
            self._ask(now_s)
        if self._journal.is_measured:
            self._measured_s = self._measured_s or now_s
            if now_s - self._measured_s > LINGER_S:
                self._process.end()
        elif now_s - self._moved_s > self._limit_s and not self._is_stopped:
            self._hang(now_s)

    def _ask(self, now_s: float) -> None:
        lines = self._process.output.take_lines()
        if lines and self._show is not None:
            self._show(lines)
        if self._stop_s is None and self._meeting.has_failed:
            self._stop_s = now_s + GRACE_S
        if self._stop_s is not None and now_s > self._stop_s and not self._is_hung:
            self._is_stopped = True
            self._process.end()

    def _hang(self, now_s: float) -> None:
        """Let it say where it stands, which ends it; the second time it is ended all the same."""
        if self._is_hung:
            self._process.end()
        else:
            self._process.say_where()
        self._is_hung = True
        self._moved_s = now_s - self._limit_s + GRACE_S

    def _died_at_exit(self, code: int) -> bool:
        """Whether all of the script was over; PyTorch aborts where a group is not destroyed."""
        return code < 0 and self._journal.has_ended and not (self._is_hung or self._is_stopped)

    def _failure(self, code: int) -> Failure | None:
        if self._journal.is_measured or (code == 0 and not self._is_hung) or self._is_stopped:
            return None
        if self._died_at_exit(code):
            return None
        text = self._process.output.end_text
        if self._is_hung:
            return self._hung(text)
        if self._journal.error is not None:
            return raised(*self._journal.error, self._rank)
        return failure_of(text, code, self._rank)

    def _hung(self, text: str) -> Failure:
        dump = text[max(0, text.rfind("Fatal Python error")) :]
        when = "a step" if not self._journal.has_begun else "another step"
        frames = [x for x in _FRAME.findall(dump) if not any(y in x[0] for y in _NOT_THEIRS)]
        file, line, name = frames[0] if frames else ("", "", "")
        where = f" It stood in {name} ({file.rpartition('/')[2]}:{line})." if frames else ""
        return Failure(
            "ScriptHung",
            f"Rank {self._rank} has not made {when} for {self._limit_s:g} s.{where} The limit is "
            f"launch.timeout_s={self._limit_s:g}.",
            self._rank,
            traceback=kept_traceback(dump),
        )
