"""A sweep as it goes on: for a display in this process, and for readers of the store."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, final

from ray_bench.records import PlannedRun, RunRecord
from ray_bench.sweep.live_run import LiveRun
from ray_bench.sweep.progress import SweepProgress

if TYPE_CHECKING:
    from ray_bench.launch.words import RankWords

#: A sweep that says "running" and has not said anything for long has died.
State = Literal["running", "finished", "interrupted", "failed"]

#: What fits into the store's limit with room to spare.
_MOST_BYTES = 48 * 1024
_MOST_ITEMS = 128
_MOST_LETTERS = 1000


@final
class LiveSweep:
    """What is going on, set by the sweep's own thread, and read by displays and writers.

    Args:
        sweep_id: Of the sweep.
        progress: Counts its runs; set here, so that it is read under the same lock.
        clock_s: Seconds that only grow; the one that `progress` reads.
    """

    def __init__(
        self,
        sweep_id: str,
        progress: SweepProgress,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.progress = progress
        self.lock = threading.RLock()
        self.clock_s = clock_s
        self._sweep_id = sweep_id
        self._runs: dict[str, LiveRun] = {}
        self._started_at = datetime.now(UTC)
        self._state: State = "running"
        self._message: str | None = None

    @property
    def runs(self) -> list[LiveRun]:
        """Those that go on, in the order in which they began. Take the lock to read them."""
        return list(self._runs.values())

    def extend(self, planned: Sequence[PlannedRun]) -> None:
        """Further runs are planned."""
        with self.lock:
            self.progress.extend(planned)

    def run_started(self, planned: PlannedRun) -> None:
        """A run is handed to the cluster."""
        with self.lock:
            self.progress.started(planned)
            number = self.progress.num_ended + len(self._runs) + 1
            label = self.progress.label(planned.point)
            self._runs[planned.run_id] = LiveRun(planned, label, number, self.clock_s())

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """A rank has said what it does."""
        with self.lock:
            run = self._runs.get(planned.run_id)
            if run is not None:
                run.told(words, self.clock_s())

    def run_storing(self, run_id: str) -> None:
        """A run is over, and what it left is being written."""
        with self.lock:
            if run_id in self._runs:
                self._runs[run_id].enter("storing", self.clock_s())

    def run_finished(self, run: RunRecord) -> None:
        """A run has ended, failed or not."""
        with self.lock:
            self.progress.finished(run)
            self._runs.pop(run.run_id, None)

    def end(self, state: State, message: str | None = None) -> None:
        """The sweep is over."""
        with self.lock:
            self._state, self._message = state, message and message[:_MOST_LETTERS]
            self._runs.clear()

    def state(self) -> dict[str, Any]:
        """Return everything as plain values, small: of very much a part, and how much there is."""
        most = _MOST_ITEMS
        while True:
            with self.lock:
                state = self._plain(most)
            if most <= 1 or len(json.dumps(state)) <= _MOST_BYTES:
                return state
            most //= 2

    def _plain(self, most: int) -> dict[str, Any]:
        progress, now_s = self.progress, self.clock_s()
        rows = progress.rows
        moving_first = sorted(rows, key=lambda row: (not row.num_running, not row.num_left))
        left_s = progress.left_s()
        return {
            "sweep_id": self._sweep_id,
            "state": self._state,
            "message": self._message,
            "started_at_utc": self._started_at.isoformat(),
            "num_planned": progress.num_planned,
            "num_ended": progress.num_ended,
            "num_failed": progress.num_failed,
            "num_lasting": progress.num_lasting,  # of these: diverged, or stopped as hopeless
            "elapsed_s": round(progress.elapsed_s, 1),
            "left_s": None if left_s is None else round(left_s, 1),
            "num_points": len(rows),
            "points": [
                {
                    "label": row.label,
                    "num_planned": row.num_planned,
                    "num_done": row.num_done,
                    "num_running": row.num_running,
                    "num_failed": row.num_failed,
                    "throughput_samples_per_s": row.throughput_samples_per_s,
                }
                for row in moving_first[:most]
            ],
            "runs": [run.state(now_s, most) for run in self.runs[:most]],
        }
