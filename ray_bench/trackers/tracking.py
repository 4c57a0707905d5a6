"""Hands every run to every tracker, and outlives their failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, final

from ray_bench.records import RunData
from ray_bench.trackers.base import Tracker
from ray_bench.trackers.calls import Calls, StuckError, TrackerError
from ray_bench.trackers.entry import Entries, Entry

#: Longer than trackers wait for their servers, and than an object store is waited for.
PATIENCE_S = 300.0
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
        patience_s: A call of a tracker that takes longer is its last one.
    """

    def __init__(
        self,
        trackers: Sequence[Tracker],
        entries: Entries,
        say: Callable[[str], None],
        *,
        at_end: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._channels = [_Channel(tracker, say, patience_s) for tracker in trackers]
        self._entries = entries
        self._say = say
        self._at_end = at_end

    def __enter__(self) -> Self:
        for channel in self._channels:
            channel.open()
        return self

    def run_finished(self, data: RunData) -> None:
        """Hand over a run that the store has; never raises what a tracker raises."""
        try:
            entry = self._entries.of(data)
        except Exception as err:  # noqa: BLE001  # the run is stored, and the sweep goes on
            self._say(f"warning: the trackers do without run {data.run.run_id}: {_cause(err)}.")
            return
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

    def __init__(self, tracker: Tracker, say: Callable[[str], None], patience_s: float) -> None:
        self._tracker = tracker
        self._say = say
        self._calls = Calls(tracker.name, patience_s)
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
        self._calls.end()
        total = self._num_sent + len(self._waiting)
        name, place = self._tracker.name, self._tracker.place
        if self._waiting:
            self._say(
                f"warning: {name} has {self._num_sent} of {total} runs; the results have them all."
            )
        elif total:
            self._say(f"{name}: {total} run{'s' if total > 1 else ''} in {place}")

    def _trying(self, action: Callable[[], object]) -> bool:
        if self._calls.is_stuck:
            return False
        try:
            self._calls.make(action)
        except StuckError as err:
            self._warn(f"{err} It is not tried again.")
        except TrackerError as err:
            self._warn(f"{_cause(err.cause)}. It is tried again after every run.")
        else:
            return True
        return False

    def _warn(self, words: str) -> None:
        if not self._has_warned or self._calls.is_stuck:
            self._has_warned = True
            name, key = self._tracker.name, self._tracker.key
            self._say(
                f"warning: {name} failed, and the sweep goes on without it: {words} "
                f"trackers.{key}=false leaves it out."
            )


def without_password(text: str) -> str:
    """Return a text whose addresses have lost their user and password."""
    return _USER_INFO.sub("", text)


def _cause(err: BaseException) -> str:
    words = " ".join(without_password(str(err)).split()).rstrip(".")
    text = "".join(letter for letter in words if letter.isprintable())
    name = type(err).__name__
    whole = f"{name}: {text}" if text else name
    return whole if len(whole) <= _MAX_CAUSE else f"{whole[: _MAX_CAUSE - 3]}..."
