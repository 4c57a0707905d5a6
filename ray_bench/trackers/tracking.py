"""Hands every run to every tracker, and outlives their failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, final

from ray_bench.records import RunData
from ray_bench.trackers.base import Tracker
from ray_bench.trackers.entry import Entries, Entry

_MAX_CAUSE = 300
_MAX_FAILURES = 2
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


@final
class Tracking:
    """Trackers of one sweep, as a context: what failed is tried once more at its end.

    Args:
        trackers: Where runs go.
        entries: Makes what they are told.
        say: Shows a sentence to the user.
        at_end: Hand all runs over at the end, because a ladder is timed while its rounds come in.
    """

    def __init__(
        self,
        trackers: Sequence[Tracker],
        entries: Entries,
        say: Callable[[str], None],
        *,
        at_end: bool = False,
    ) -> None:
        self._channels = [_Channel(tracker, say) for tracker in trackers]
        self._entries = entries
        self._at_end = at_end

    def __enter__(self) -> Self:
        for channel in self._channels:
            channel.open()
        return self

    def run_finished(self, data: RunData) -> None:
        """Hand over a run that the store has; never raises what a tracker raises."""
        entry = self._entries.of(data)
        for channel in self._channels:
            if self._at_end:
                channel.keep(entry)
            else:
                channel.send(entry)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for channel in self._channels:
            channel.close()


@final
class _Channel:
    """One tracker, and the runs that it does not have yet."""

    def __init__(self, tracker: Tracker, say: Callable[[str], None]) -> None:
        self._tracker = tracker
        self._say = say
        self._has_warned = False
        self._num_sent = 0
        self._waiting: list[Entry] = []

    def open(self) -> None:
        """Reach the tracker early, so that the user hears of trouble before the first run."""
        self._trying(self._tracker.open)

    def send(self, entry: Entry) -> None:
        """Write a run, or keep it for the end."""
        if self._trying(lambda: self._tracker.log(entry)):
            self._num_sent += 1
        else:
            self._waiting.append(entry)

    def keep(self, entry: Entry) -> None:
        """Keep a run for the end."""
        self._waiting.append(entry)

    def close(self) -> None:
        """Write what is waiting, and say what the tracker has got and what it has not."""
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            # One run may be the tracker's trouble; two are no reason to try them all.
            if len(self._waiting) >= _MAX_FAILURES:
                self._waiting.append(entry)
            else:
                self.send(entry)
        self._trying(self._tracker.close)
        total = self._num_sent + len(self._waiting)
        name, place = self._tracker.name, self._tracker.place
        if self._waiting:
            self._say(
                f"warning: {name} has {self._num_sent} of {total} runs; the results have them all."
            )
        elif total:
            self._say(f"{name}: {total} run{'s' if total > 1 else ''} in {place}")

    def _trying(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except Exception as err:  # noqa: BLE001  # a tracker's library and server raise anything
            if not self._has_warned:
                self._has_warned = True
                self._say(
                    f"warning: {self._tracker.name} failed, and the sweep goes on without it: "
                    f"{_cause(err)}. It is tried again after every run."
                )
            return False
        return True


def without_password(text: str) -> str:
    """Return a text whose addresses have lost their user and password."""
    return _USER_INFO.sub("", text)


def _cause(err: Exception) -> str:
    words = " ".join(without_password(str(err)).split()).rstrip(".")
    text = "".join(letter for letter in words if letter.isprintable())
    name = type(err).__name__
    whole = f"{name}: {text}" if text else name
    return whole if len(whole) <= _MAX_CAUSE else f"{whole[: _MAX_CAUSE - 3]}..."
