"""How far a sweep is: counts, throughput so far and an estimate of the time left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import final

from ray_bench.records import PlannedRun, Point, RunRecord


@dataclass(slots=True)
class PointProgress:
    """Runs of one point, by what became of them."""

    label: str
    num_planned: int = 0
    num_running: int = 0
    num_failed: int = 0
    throughputs: list[float] = field(default_factory=list)  # samples/s of finished runs
    num_done: int = 0

    @property
    def num_left(self) -> int:
        """Runs that have neither ended nor started."""
        return self.num_planned - self.num_done - self.num_failed - self.num_running

    @property
    def throughput_samples_per_s(self) -> float | None:
        """Mean of the finished runs; None before the first."""
        return fmean(self.throughputs) if self.throughputs else None


@final
class SweepProgress:
    """Counts runs as they start and end.

    Args:
        planned: all runs of the sweep, those of an earlier call included.
        finished: runs that an earlier call finished.
        max_concurrent: runs at the same time, for the estimate.
        clock_s: seconds that only grow.
    """

    def __init__(
        self,
        planned: Sequence[PlannedRun],
        finished: Iterable[RunRecord] = (),
        *,
        max_concurrent: int = 1,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.num_planned = len(planned)
        self._max_concurrent = max_concurrent
        self._clock_s = clock_s
        self._start_s = clock_s()
        self._known = {run.run_id: run.point for run in planned}
        self._open = {run.run_id: run.point for run in planned}
        self._running: dict[str, float] = {}
        self._walls: dict[int, list[float]] = {}
        several_seeds = len({run.point.seed for run in planned}) > 1
        self.num_stalled = 0
        self.num_elsewhere = 0
        self.num_by_status: Counter[str] = Counter()
        self._points = _points(planned, several_seeds)
        for run in finished:
            self.finished(run)

    @property
    def rows(self) -> list[PointProgress]:
        """One row a point, by world size."""
        return list(self._points.values())

    @property
    def num_ended(self) -> int:
        """Runs that finished or failed."""
        return self.num_planned - len(self._open)

    @property
    def num_failed(self) -> int:
        """Runs that failed in this call."""
        return sum(row.num_failed for row in self._points.values())

    @property
    def must_go_on(self) -> bool:
        """Whether a resumed sweep would have something to make."""
        lost = self.num_failed - self.num_lasting + self.num_stalled + self.num_elsewhere
        return lost > 0 or self.num_ended < self.num_planned

    @property
    def num_lasting(self) -> int:
        """Runs that ended early by what their training did, and are not made again."""
        return self.num_by_status["diverged"] + self.num_by_status["stopped"]

    @property
    def outcome(self) -> str | None:
        """What did not end well, in a sentence; None where nothing failed or stood still."""
        not_counted = self.num_stalled + self.num_elsewhere
        if not self.num_failed and not not_counted:
            return None
        good = sum(row.num_done for row in self._points.values()) - not_counted
        left = self.num_planned - good - self.num_failed - not_counted
        counts = {
            "failed": self.num_failed - self.num_lasting,
            "diverged": self.num_by_status["diverged"],
            "stopped as hopeless": self.num_by_status["stopped"],
            "not counted (stood still for a time)": self.num_stalled,
            "not counted (on other nodes than asked for)": self.num_elsewhere,
            "did not begin": left,
        }
        said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        return f"{good or 'None'} of {self.num_planned} runs finished well: {said}."

    @property
    def elapsed_s(self) -> float:
        """Seconds since this object was made."""
        return self._clock_s() - self._start_s

    def extend(self, planned: Sequence[PlannedRun]) -> None:
        """Count further runs of points that are known."""
        self.num_planned += len(planned)
        for run in planned:
            self._known[run.run_id] = run.point
            self._open[run.run_id] = run.point
            self._points[run.point].num_planned += 1

    def label(self, point: Point) -> str:
        """Return a point's short name."""
        return self._points[point].label

    def label_of(self, run: RunRecord) -> str:
        """Return the short name of a run's point, as it was planned."""
        return self.label(self._planned_point(run))

    def _planned_point(self, run: RunRecord) -> Point:
        # What was unknown of a script's is filled in when it has been measured.
        return self._known.get(run.run_id, run.point)

    def started(self, planned: PlannedRun) -> None:
        """Count a run as running, and as planned where it is a further one."""
        if planned.run_id not in self._known:
            self.extend([planned])
        self._running[planned.run_id] = self._clock_s()
        self._points[planned.point].num_running += 1

    def finished(self, run: RunRecord) -> None:
        """Count a run as done or failed."""
        row = self._points[self._planned_point(run)]
        if self._running.pop(run.run_id, None) is not None:
            row.num_running -= 1
        self._open.pop(run.run_id, None)
        if not run.is_finished:
            row.num_failed += 1
            self.num_by_status[run.status] += 1
            return
        row.num_done += 1
        is_stalled = "stalled" in run.flags
        self.num_stalled += is_stalled
        self.num_elsewhere += run.must_repeat and not is_stalled
        self._walls.setdefault(run.point.world_size, []).append(run.wall_s)
        if run.throughput_samples_per_s is not None:
            row.throughputs.append(run.throughput_samples_per_s)

    def left_s(self) -> float | None:
        """Return about how many seconds are left; None before the first run finished.

        A run takes as long as those of its world size took so far, or, where there are none yet, as
        long as all of them.
        """
        if not self._walls:
            return None
        means = {size: fmean(walls) for size, walls in self._walls.items()}
        overall = fmean(means.values())
        total = sum(means.get(point.world_size, overall) for point in self._open.values())
        now = self._clock_s()
        spent = sum(now - start for start in self._running.values())
        return max(0.0, total - spent) / self._max_concurrent


def _points(planned: Sequence[PlannedRun], with_seed: bool) -> dict[Point, PointProgress]:
    points = sorted({run.point for run in planned}, key=_order)
    found = {point: PointProgress(label=_label(point, with_seed)) for point in points}
    for run in planned:
        found[run.point].num_planned += 1
    return found


def _order(point: Point) -> tuple[int, bool, str, str, int]:
    return point.world_size, point.is_ddp, point.placement or "", point.rule, point.seed or 0


def _label(point: Point, with_seed: bool) -> str:
    wrap = " ddp" if point.world_size == 1 and point.is_ddp else ""
    seed = f" seed={point.seed}" if with_seed else ""
    where = "" if point.placement is None else f" {point.placement}"
    rule = "" if point.lr_rule is None else f" {point.lr_rule}"
    return f"{point.workload} w={point.world_size}{wrap}{where}{rule}{seed}"


def as_duration(seconds: float) -> str:
    """Return seconds for people, e.g. `12 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
