"""What is to run, in which sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ray_bench import __version__
from ray_bench.config.grid import config_sha256
from ray_bench.config.rounds import planned_runs
from ray_bench.config.schema import SweepConfig
from ray_bench.config.stored import stored
from ray_bench.records import PlannedRun, RunRecord, SweepRecord
from ray_bench.store import ResultsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to run, in which sweep."""

    sweep: SweepRecord
    planned: tuple[PlannedRun, ...]  # all runs of the sweep, in their order
    stored: tuple[RunRecord, ...] = ()  # of a resumed sweep, or taken over from another one
    is_resumed: bool = False
    extends: str | None = None  # the sweep whose runs are taken over
    has_stopped: bool = False  # a stop rule found that enough was measured

    @property
    def finished(self) -> tuple[RunRecord, ...]:
        """Runs that need not run again."""
        return tuple(run for run in self.stored if not run.must_repeat)

    @property
    def todo(self) -> tuple[PlannedRun, ...]:
        """Runs that are missing, have failed or stood still, in their order."""
        done = {run.run_id for run in self.finished}
        return tuple(planned for planned in self.planned if planned.run_id not in done)

    @property
    def attempts(self) -> Mapping[str, int]:
        """The attempt, from 1, of every run that is to run."""
        last = {run.run_id: run.attempt for run in self.stored}
        return {planned.run_id: last.get(planned.run_id, 0) + 1 for planned in self.todo}


def new_plan(config: SweepConfig, store: ResultsStore, command: str) -> Plan:
    """Return the plan of a sweep that starts from nothing."""
    planned = planned_runs(config)
    now = datetime.now(UTC)
    sha256 = config_sha256(config)
    sweep = SweepRecord(
        sweep_id=_unused(f"{now:%Y%m%dT%H%M%SZ}-{sha256[:6]}", store),
        created_at_utc=now,
        config_json=json.dumps(stored(config.model_dump(mode="json"))),
        config_sha256=sha256,
        command=command,
        ray_bench_version=__version__,
        run_ids=tuple(run.run_id for run in planned),
    )
    return Plan(sweep=sweep, planned=planned)


def _unused(sweep_id: str, store: ResultsStore) -> str:
    taken = {sweep.sweep_id for sweep in store.sweeps()}
    candidates = (f"{sweep_id}-{number}" for number in range(2, len(taken) + 3))
    return sweep_id if sweep_id not in taken else next(c for c in candidates if c not in taken)
