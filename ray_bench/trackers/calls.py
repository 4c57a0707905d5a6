"""Calls of a tracker's library, in a thread of its own: one that hangs holds up nobody."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import final

Action = Callable[[], object]
_Answers = queue.SimpleQueue[BaseException | None]


class TrackerError(Exception):
    """A call raised; `cause` is what."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StuckError(Exception):
    """A call has not come back in time; no other one is made."""


@final
class Calls:
    """Makes calls one after the other, all in the same thread.

    Args:
        name: Of the tracker, for people.
        patience_s: How long a call may take.

    Attributes:
        is_stuck: Whether one has not come back.
    """

    def __init__(self, name: str, patience_s: float) -> None:
        self.is_stuck = False
        self._name = name
        self._patience_s = patience_s
        self._asked: queue.SimpleQueue[tuple[Action, _Answers] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def make(self, action: Action) -> None:
        """Make a call and wait for its end.

        Raises:
            TrackerError: What it raised.
            StuckError: If it takes longer than `patience_s`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        answers: _Answers = queue.SimpleQueue()  # of this call alone: Ctrl-C may end the wait
        self._asked.put((action, answers))
        try:
            error = answers.get(timeout=self._patience_s)
        except queue.Empty:
            self.is_stuck = True
            raise StuckError(f"it did not answer for {self._patience_s:g} s.") from None
        if error is not None:
            raise TrackerError(error)

    def end(self) -> None:
        """End the thread, where it is not stuck."""
        self._asked.put(None)
        if self._thread is not None and not self.is_stuck:
            self._thread.join(self._patience_s)

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            action, answers = asked
            try:
                action()
            except BaseException as err:  # noqa: BLE001  # of SystemExit only this thread would end
                answers.put(err)
            else:
                answers.put(None)
