"""A sweep as it was planned, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ray_bench.records.point import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One repeat of a point, and its place in the randomised order."""

    point: Point
    repeat: int  # from 0
    order_index: int  # from 0: the order in which the sweep starts its runs

    @property
    def run_id(self) -> str:
        """Unique within a sweep, the same when an interrupted sweep is resumed."""
        return f"{self.point.point_id}-r{self.repeat}"

    def can_share_workers(self, other: PlannedRun) -> bool:
        """Tell whether two runs differ in learning rate or seed alone."""
        same = replace(self.point, lr_rule=other.point.lr_rule, lr=other.point.lr)
        return self.repeat == other.repeat and replace(same, seed=other.point.seed) == other.point


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecord:
    """A grid that was asked for: what `report` needs to tell a missing run from a failed one."""

    sweep_id: str
    created_at_utc: datetime
    config_json: str  # the resolved configuration
    config_sha256: str
    command: str
    ray_bench_version: str
    run_ids: tuple[str, ...]  # in the order in which they were to run


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """Why a sweep with a stop rule made no more repeats."""

    sweep_id: str
    reason: str  # narrow_enough, max_repeats, budget
    num_repeats: int  # of every world size
    half_width_frac: float | None  # the widest of the speedups' relative half-widths that it left
    wanted_half_width_frac: float
    stopped_at_utc: datetime
