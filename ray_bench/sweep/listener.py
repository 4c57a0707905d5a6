"""What a sweep's runs leave is stored as each of them ends, and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, final

from ray_bench.records import NetworkRecord, PlannedRun, RunData
from ray_bench.store import ResultsStore
from ray_bench.store.stop_note import is_asked_to_stop
from ray_bench.sweep.board import StopAskedError
from ray_bench.sweep.live import LiveSweep
from ray_bench.sweep.viewer import Viewer
from ray_bench.trackers.tracking import Tracking

if TYPE_CHECKING:
    from ray_bench.launch.words import RankWords


@final
class StoringListener:
    """Stores every run as it ends, shows it, and hands it to the trackers.

    Args:
        store: Where to.
        sweep_id: Of the sweep.
        live: Counts the runs, and knows what goes on.
        viewer: Shows them.
        tracking: The trackers.
        joined: Called when the cluster can place its runs: a sweep that cannot be placed leaves
            nothing.
        kept: Returns what is kept and how to go on, for last words.
    """

    def __init__(
        self,
        store: ResultsStore,
        sweep_id: str,
        live: LiveSweep,
        viewer: Viewer,
        tracking: Tracking,
        kept: Callable[[], str],
        joined: Callable[[], None],
    ) -> None:
        self._store = store
        self._sweep_id = sweep_id
        self._live = live
        self._viewer = viewer
        self._tracking = tracking
        self._kept = kept
        self._joined = joined

    def joined(self) -> None:
        """Pass on that the runs can begin."""
        self._joined()

    def run_started(self, planned: PlannedRun) -> None:
        """Count a run as running.

        Raises:
            StopAskedError: If somebody has asked the sweep to begin no further run.
        """
        if is_asked_to_stop(self._store, self._sweep_id):
            raise StopAskedError
        self._live.run_started(planned)

    def rank_told(self, planned: PlannedRun, words: RankWords) -> None:
        """Keep what a rank does."""
        self._live.rank_told(planned, words)

    def run_finished(self, data: RunData) -> None:
        """Store a run that finished or failed."""
        self._live.run_storing(data.run.run_id)
        self._store.write_run(data)
        self._live.run_finished(data.run)
        self._viewer.finished(data.run)
        self._tracking.run_finished(data)

    def network_measured(self, records: Sequence[NetworkRecord]) -> None:
        """Store the all-reduce sweep under the sweep's id."""
        self._store.write_network(records[0].network_id, records)
        self._viewer.note(f"All-reduce is measured: {len(records)} samples.")

    def network_failed(self, reason: str) -> None:
        """Say that the report will have nothing about the network."""
        self._viewer.note(f"note: the sweep goes on without the network. {reason}")

    def note(self, text: str) -> None:
        """Show it."""
        self._viewer.note(text)

    def stopping(self) -> None:
        """Say that the sweep is ending; Ray takes some seconds for it."""
        self._viewer.note("Stopping; the run that is going on is dropped. Again to stop at once.")

    def head_lost(self, reason: str) -> None:
        """Say what is kept: this process ends now."""
        self._viewer.note(f"{reason}\n{self._kept()}")
