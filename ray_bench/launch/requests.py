"""What the program asks of a Tune trial. No torch here: the program does without it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.failures import Failure
from ray_bench.launch.tuned import trainer_of
from ray_bench.records import PlannedRun, RunData, RunRecord, Trainer
from ray_bench.train.requests import LadderRequest, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """A run as the driver asks for it."""

    planned: PlannedRun
    config: SweepConfig
    sweep_id: str
    attempt: int
    use_gpu: bool
    commit: str | None
    import_path: str
    scratch_dir: str  # where Ray Train keeps its own files of the run

    def run_request(self, started_at: datetime) -> RunRequest:
        """Return what the ranks are asked to run."""
        return RunRequest(
            planned=self.planned,
            config=self.config,
            sweep_id=self.sweep_id,
            attempt=self.attempt,
            started_at_utc=started_at,
            commit=self.commit,
            trainer=trainer_of(self.config),
        )

    def failed(self, failure: Failure, started_at: datetime) -> RunData:
        """Return the record of this run, failed."""
        return failed(
            self.planned,
            failure,
            sweep_id=self.sweep_id,
            attempt=self.attempt,
            started_at=started_at,
            trainer=trainer_of(self.config),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTrial:
    """Runs that differ in learning rate and seed alone."""

    launch_id: str
    requests: tuple[TrialRequest, ...]
    inbox: Any  # handle of the actor that takes finished runs


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderTrial:
    """One TorchTrainer's ladders, one after the other; the first says how workers are placed."""

    ladders: tuple[LadderRequest, ...]
    use_gpu: bool
    import_path: str
    scratch_dir: str
    inbox: Any  # handle of the actor that takes finished rounds

    @property
    def world_size(self) -> int:
        """The largest of all ladders."""
        return max(point.world_size for ladder in self.ladders for point in ladder.points)


def failed(
    planned: PlannedRun,
    failure: Failure,
    *,
    sweep_id: str,
    attempt: int,
    started_at: datetime,
    trainer: Trainer | None,
) -> RunData:
    """Return the record of a run that failed."""
    return RunData(
        run=RunRecord(
            sweep_id=sweep_id,
            run_id=planned.run_id,
            repeat=planned.repeat,
            order_index=planned.order_index,
            attempt=attempt,
            point=planned.point,
            status="failed",
            started_at_utc=started_at,
            wall_s=0.0,
            error_type=failure.type,
            error_message=failure.message,
            error_rank=failure.rank,
            trainer=trainer,
        )
    )
