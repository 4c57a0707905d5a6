"""What the program asks of a Tune trial. No torch here: the program does without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ray_bench.config.schema import SweepConfig
from ray_bench.launch.arrived import SoFar
from ray_bench.launch.failures import Failure
from ray_bench.launch.places import Host
from ray_bench.records import (
    FailureRecord,
    Part,
    PlannedRun,
    Point,
    RunData,
    RunRecord,
    Trainer,
    extra_flag,
)
from ray_bench.train.requests import LadderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRun:
    """A run as the driver waits for it."""

    planned: PlannedRun
    sweep_id: str
    attempt: int  # from 1

    @property
    def key(self) -> tuple[str, str]:
        """Sweep and run: what its records are known by."""
        return self.sweep_id, self.planned.run_id

    def failed(
        self,
        failure: Failure,
        started_at: datetime,
        *,
        wall_s: float = 0.0,
        launch_id: str | None = None,
        trainer: Trainer | None = None,
        wait_s: float | None = None,
        so_far: SoFar | None = None,
        told: Mapping[int, Failure] = MappingProxyType({}),
    ) -> RunData:
        """Return the record of this run, which did not finish, with what had come in of it.

        `told` is what ranks have said themselves of why they ended.
        """
        so_far = so_far or SoFar()
        return RunData(
            run=RunRecord(
                sweep_id=self.sweep_id,
                run_id=self.planned.run_id,
                repeat=self.planned.repeat,
                order_index=self.planned.order_index,
                attempt=self.attempt,
                point=self.planned.point,
                status=failure.status,
                started_at_utc=started_at,
                wall_s=wall_s,
                error_type=failure.type,
                error_message=failure.message,
                error_rank=failure.rank,
                error_traceback=failure.traceback,
                num_steps=so_far.num_steps,
                launch_id=launch_id,
                trainer=trainer,
                wait_s=wait_s,
            ),
            epochs=so_far.epochs,
            blocks=so_far.blocks,
            evaluations=so_far.evaluations,
            failures=failure_records(self.planned.run_id, "run", failure, told),
        )

    def without_passes(
        self, timed: RunData, failure: Failure, told: Mapping[int, Failure], *, wall_s: float
    ) -> RunData:
        """Return this run, whose workers were lost when its training was over and timed."""
        flags = (*timed.run.flags, extra_flag("passes"))
        lost = failure_records(self.planned.run_id, "passes", failure, told)
        run = replace(timed.run, flags=flags, wall_s=max(wall_s, timed.run.wall_s))
        return replace(timed, run=run, failures=(*timed.failures, *lost))


def failure_records(
    run_id: str, part: Part, failure: Failure, told: Mapping[int, Failure]
) -> tuple[FailureRecord, ...]:
    """Return what ended a run and what every other rank has said of it, the cause first."""
    others = [x for rank, x in sorted(told.items()) if rank != failure.rank]
    return tuple(
        FailureRecord(
            run_id=run_id,
            part=part,
            rank=each.rank,
            error_type=each.type,
            error_message=each.message,
            error_traceback=each.traceback,
        )
        for each in (failure, *others)
    )


#: Runs that a failure ends, and runs that it leaves for other workers.
Parted = tuple[Sequence[ExpectedRun], Sequence[ExpectedRun]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs that differ in learning rate and seed alone, one after the other; often a single one."""

    expected: tuple[ExpectedRun, ...]
    commit: str | None
    is_shared: bool  # whether the records name the launch: others may have been part of it

    @property
    def point(self) -> Point:
        """The first one's, which has the place of all."""
        return self.expected[0].planned.point

    @property
    def world_size(self) -> int:
        """The workers that they need."""
        return self.point.world_size

    def parted(self, waiting: Sequence[ExpectedRun]) -> Parted:
        """The run that was going on has failed; those after it get other workers."""
        return waiting[:1], waiting[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladders:
    """Ladders, one after the other."""

    ladders: tuple[LadderRequest, ...]
    is_shared: bool = False  # the records name the ladder

    @property
    def expected(self) -> tuple[ExpectedRun, ...]:
        """Every turn, in its order."""
        return tuple(
            ExpectedRun(
                planned=run,
                sweep_id=ladder.sweep_id,
                attempt=ladder.attempts.get(run.run_id, 1),
            )
            for ladder in self.ladders
            for turns in ladder.rounds
            for run in turns
        )

    @property
    def point(self) -> Point:
        """The largest of all ladders, which has the place of all."""
        points = (point for ladder in self.ladders for point in ladder.points)
        return max(points, key=lambda point: point.world_size)

    @property
    def world_size(self) -> int:
        """The largest of all ladders."""
        return self.point.world_size

    def parted(self, waiting: Sequence[ExpectedRun]) -> Parted:
        """The turns of the round that was going on have failed; those of later ones are missing."""
        first = waiting[0] if waiting else None
        going_on = [
            run
            for run in waiting
            if first is not None
            and (run.sweep_id, run.planned.repeat) == (first.sweep_id, first.planned.repeat)
        ]
        return going_on, ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One TorchTrainer: what its workers make, how they are placed, where they hand it over."""

    launch_id: str
    work: Runs | Ladders
    config: SweepConfig
    use_gpu: bool
    import_path: str  # where the user's own modules are imported from
    scratch_dir: str  # where Ray Train keeps its own files of the run
    inbox: Any  # handle of the actor that takes finished runs
    hosts: tuple[Host, ...] = ()  # of the cluster, when the sweep began

    @property
    def keeps_checkpoints(self) -> bool:
        """Whether its run, which is its only one then, goes on from checkpoints."""
        return self.config.checkpoint.dir is not None and isinstance(self.work, Runs)
