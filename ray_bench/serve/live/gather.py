"""What is known of a running sweep: its own live words, its finished runs, its plan."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, final

from pydantic import ValidationError

from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun, RunRecord, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.store.live import read_live
from ray_bench.store.stop_note import is_asked_to_stop

#: A sweep speaks every second, to an object store every five.
SILENT_S = 20.0
#: Sweeps that are looked at, at the same time, without being read anew.
_MAX_KEPT = 32

#: silent: it says that it runs, and has said nothing for long.
Phase = Literal["running", "silent", "finished", "interrupted", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """A sweep at one moment.

    Attributes:
        live: What it said last (`ray_bench.sweep.live`); empty where it never spoke.
        age_s: Seconds since then.
        planned: Its runs in their order, further repeats left out; empty where its configuration is
            of a version that is not understood.
        runs: The newest attempt of each run that has ended.
        is_stopping: Whether it was asked to begin no further run.
    """

    sweep: SweepRecord
    config: SweepConfig | None
    live: Mapping[str, Any]
    age_s: float
    planned: tuple[PlannedRun, ...]
    runs: tuple[RunRecord, ...]
    is_stopping: bool

    @property
    def phase(self) -> Phase:
        """How it goes."""
        if not self.live:
            return "unknown"
        state: Phase = self.live["state"]
        return "silent" if state == "running" and self.age_s > SILENT_S else state

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more."""
        return self.phase in ("finished", "interrupted", "failed")

    @property
    def num_planned(self) -> int:
        """All runs of the sweep."""
        return int(self.live.get("num_planned", len(self.sweep.run_ids)))

    @property
    def num_ended(self) -> int:
        """Runs that have finished or failed."""
        return int(self.live.get("num_ended", len(self.runs)))

    @property
    def num_lasting(self) -> int:
        """Runs that diverged or were stopped as hopeless: results, and no failures."""
        return int(self.live.get("num_lasting", 0))

    @property
    def num_failed(self) -> int:
        """Runs that failed."""
        if "num_failed" not in self.live:
            return sum(not run.is_finished and run.must_repeat for run in self.runs)
        return max(0, int(self.live["num_failed"]) - self.num_lasting)

    @property
    def going(self) -> Mapping[str, Any] | None:
        """The run that began first of those that go on."""
        runs = self.live.get("runs") or [None]
        return None if self.is_over else runs[0]


@dataclass(slots=True)
class _Kept:
    sweep: SweepRecord
    config: SweepConfig | None
    planned: tuple[PlannedRun, ...]
    runs: tuple[RunRecord, ...] = ()
    basis: object = None  # what the runs were read for


@final
class LiveViews:
    """Gives views of sweeps, and reads runs only where one more has ended."""

    def __init__(self, store: ResultsStore) -> None:
        self._store = store
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def view(self, sweep_id: str, *, afresh: bool = False) -> LiveView | None:
        """Return a sweep as it is now; None where there is no such sweep.

        Args:
            sweep_id: Which one.
            afresh: Look whether the sweep is still there, too.

        Raises:
            StoreError: If the results cannot be read.
        """
        kept = self._known(sweep_id, afresh=afresh)
        if kept is None:
            return None
        live = read_live(self._store, sweep_id) or {}
        basis = (live.get("started_at_utc"), live.get("num_ended"), live.get("state"))
        if not live or kept.basis != basis:
            kept.runs, kept.basis = self._store.runs(sweep_id), basis
        return LiveView(
            sweep=kept.sweep,
            config=kept.config,
            live=live,
            age_s=_age_s(live),
            planned=kept.planned,
            runs=kept.runs,
            is_stopping=live.get("state") == "running" and is_asked_to_stop(self._store, sweep_id),
        )

    def _known(self, sweep_id: str, *, afresh: bool) -> _Kept | None:
        kept = self._kept.get(sweep_id)
        if kept is not None and not afresh:
            return kept
        found = self._store.sweep(sweep_id)
        if kept is not None and kept.sweep == found:
            return kept
        with self._lock:
            self._kept.pop(sweep_id, None)
            if found is None:
                return None
            config = _config(found)
            planned = () if config is None else planned_runs(config)
            kept = self._kept[sweep_id] = _Kept(found, config, planned)
            while len(self._kept) > _MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            return kept


def _config(sweep: SweepRecord) -> SweepConfig | None:
    """Return what was asked for; None where it cannot be read, or leaves out what a run needs."""
    try:
        config = SweepConfig.model_validate(json.loads(sweep.config_json))
    except (ValidationError, ValueError):
        return None
    is_whole = config.target is not None or None not in (config.batch_size, config.lr)
    return config if is_whole else None


def _age_s(live: Mapping[str, Any]) -> float:
    if "updated_at_utc" not in live:
        return 0.0
    said_at = datetime.fromisoformat(live["updated_at_utc"])
    return max(0.0, (datetime.now(UTC) - said_at).total_seconds())
