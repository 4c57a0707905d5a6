"""What ranks are asked to run. No torch here: the program that asks does without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun, Point, Trainer
from ray_bench.stats.stopping import StopRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a rank is asked to run; the same on every rank."""

    planned: PlannedRun
    config: SweepConfig
    sweep_id: str
    attempt: int
    started_at_utc: datetime  # when the run was launched
    commit: str | None  # of the user's working directory
    trainer: Trainer | None = None  # that started this process; None: not Ray Train


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderRequest:
    """What all ranks are asked to run; the same on every rank."""

    rounds: tuple[tuple[PlannedRun, ...], ...]  # the turns of each round, in their order
    config: SweepConfig
    sweep_id: str
    ladder_id: str
    attempts: Mapping[str, int]  # by run id, from 1
    started_at_utc: datetime
    commit: str | None
    rule: StopRule | None  # None: all rounds
    trainer: Trainer | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """The world sizes that take turns, the smallest first; in one order on every rank."""
        # A set has another order in every process: ranks would build different points together.
        points = dict.fromkeys(planned.point for planned in self.rounds[0])
        return tuple(sorted(points, key=lambda point: (point.world_size, point.is_ddp)))
