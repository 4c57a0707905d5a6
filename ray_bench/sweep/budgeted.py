"""A sweep within a budget: its listener counts what is spent, and an alarm ends what overruns."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, final

from ray_bench.records import NetworkRecord, PlannedRun, RunData
from ray_bench.sweep.budget import Spending
from ray_bench.sweep.listener import StoringListener

if TYPE_CHECKING:
    from ray_bench.launch.words import RankWords


@final
class BudgetListener:
    """Passes everything on, counts, and sets the alarm while a run is going on."""

    def __init__(self, listener: StoringListener, spending: Spending, alarm: Alarm) -> None:
        self._listener = listener
        self._spending = spending
        self._alarm = alarm

    def joined(self) -> None:
        """Pass it on."""
        self._listener.joined()

    def head_lost(self, reason: str) -> None:
        """Pass it on."""
        self._listener.head_lost(reason)

    def run_started(self, planned: PlannedRun) -> None:
        """Give it what is left, and no more."""
        self._alarm.set(self._spending.left_s(planned.point.world_size))
        self._listener.run_started(planned)

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """Pass it on."""
        self._listener.rank_told(planned, words)

    def run_finished(self, data: RunData) -> None:
        """Count it."""
        self._spending.finished(data.run)
        self._listener.run_finished(data)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Pass it on."""
        self._listener.network_measured(records)

    def network_failed(self, reason: str) -> None:
        """Pass it on."""
        self._listener.network_failed(reason)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._listener.note(text)

    def stopping(self) -> None:
        """Say why, where it was not the user."""
        if self._alarm.has_rung:
            self._listener.note("The budget is spent; the run that is going on is dropped.")
        else:
            self._listener.stopping()


@final
class Alarm:
    """Ends the sweep of this process as Ctrl-C would, when its time has come."""

    def __init__(self) -> None:
        self.has_rung = False
        self._timer: threading.Timer | None = None

    def set(self, seconds: float) -> None:
        """Ring after so many seconds, and not when it was to ring before."""
        self.cancel()
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self.has_rung = True
        os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def ended_by(alarm: Alarm) -> Iterator[None]:
    """End quietly where the alarm, and not the user, has ended the sweep."""
    try:
        yield
    except KeyboardInterrupt:
        if not alarm.has_rung:
            raise
    finally:
        alarm.cancel()
