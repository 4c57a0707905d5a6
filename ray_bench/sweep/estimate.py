"""How long runs will take, from runs that were made: what `--dry-run` says and a budget asks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ray_bench.config.schema import SweepConfig
from ray_bench.records import Point, RunRecord, known
from ray_bench.store import ResultsStore

#: What a single run, or runs that agree by chance, may be off by: launches differ from each other.
_SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class Range:
    """Between which seconds something is expected to last."""

    low_s: float
    high_s: float

    @property
    def middle_s(self) -> float:
        """Half-way between."""
        return (self.low_s + self.high_s) / 2

    def __add__(self, other: Range) -> Range:
        """Return how long both last, one after the other."""
        return Range(self.low_s + other.low_s, self.high_s + other.high_s)

    def times(self, factor: float) -> Range:
        """Return a multiple."""
        return Range(self.low_s * factor, self.high_s * factor)


@dataclass(frozen=True, slots=True)
class RunTime:
    """How long a run is expected to take, from its launch to its end, and why."""

    seconds: Range
    basis: str


class Estimates:
    """Expected times of runs of one configuration.

    A run's time is what it takes whatever its length (start, passes), its evaluations, and its
    samples over the rate. All three are those of earlier runs: of the same point, else of the next
    world size, where the rate is between no gain and a linear one.

    Args:
        config: With its defaults filled in.
        runs: Earlier ones; those that failed or trained something else are left out.
    """

    def __init__(self, config: SweepConfig, runs: Iterable[RunRecord]) -> None:
        self._config = config
        self._known: dict[int, list[RunRecord]] = {}
        for run in runs:
            if self._is_alike(run):
                self._known.setdefault(run.point.world_size, []).append(run)

    def of(self, point: Point) -> RunTime | None:
        """Return the expected time of a run of this point; None where nothing is known."""
        if not self._known or point.global_batch_size is None:  # of a script that is its own
            return None
        size = min(self._known, key=lambda n: (_distance(n, point.world_size), n))
        runs = self._known[size]
        times = [self._seconds(run, point) for run in runs]
        seconds = Range(
            min(x.low_s for x in times) * (1 - _SPREAD),
            max(x.high_s for x in times) * (1 + _SPREAD),
        )
        num = f"{len(runs)} earlier run{'s' if len(runs) > 1 else ''}"
        workers = f"{size} worker{'s' if size > 1 else ''}"
        exact = size == point.world_size
        return RunTime(seconds, num if exact else f"{num} with {workers}, no gain to linear gain")

    def total(self, points: Sequence[Point]) -> Range | None:
        """Return how long runs of these points take, as many at a time as is configured."""
        found = [self.of(point) for point in points]
        if not found or any(x is None for x in found):
            return None
        total = sum((x.seconds for x in found if x is not None), Range(0.0, 0.0))
        return total.times(1 / self._config.launch.max_concurrent)

    def _is_alike(self, run: RunRecord) -> bool:
        config, point = self._config, run.point
        return (
            run.is_finished
            and run.ladder_id is None
            and run.setup_s is not None  # else one of several in a launch: no start-up of its own
            and bool(run.throughput_samples_per_s)
            and (point.workload, point.scaling) == (config.workload, config.scaling)
            and self._batch(point) == config.batch_size
            and point.precision in config.precision
        )

    def _batch(self, point: Point) -> int | None:
        is_weak = point.scaling == "weak"
        return point.local_batch_size if is_weak else point.global_batch_size

    def _seconds(self, run: RunRecord, point: Point) -> Range:
        growth = point.world_size / run.point.world_size
        slow, fast = sorted((1.0, growth))
        rate = run.throughput_samples_per_s or 1.0
        samples, epochs = self._work(run, point)
        eval_s = (run.eval_s or 0.0) * math.ceil(epochs) / max(1, math.ceil(run.num_epochs or 1))
        if not self._config.evaluated_every:
            eval_s = 0.0
        fixed_s = max(0.0, run.wall_s - (run.train_s or 0.0) - (run.eval_s or 0.0))
        return Range(
            fixed_s + eval_s + samples / (rate * fast),
            fixed_s * max(1.0, growth) + eval_s + samples / (rate * slow),
        )

    def _work(self, run: RunRecord, point: Point) -> tuple[float, float]:
        """Return the samples that a run of this configuration sees, and its epochs."""
        size = run.num_train_samples or 0
        if self._config.steps is not None:
            samples = float(self._config.steps * _step_samples(run, point))
            return samples, samples / size if size else 1.0
        epochs = float(self._config.epochs or 1)
        return epochs * size, epochs


def _step_samples(run: RunRecord, point: Point) -> float:
    """Return the samples of a step, by those of a run where the batches are the workload's own."""
    if not run.has_own_batches:
        return known(point.global_batch_size)
    return run.samples_per_step / run.point.world_size * point.world_size


def _distance(size: int, other: int) -> float:
    return max(size, other) / min(size, other)


#: Older sweeps say less of today's machine, and each is some files to read.
_MAX_SWEEPS = 10
#: What changes the time of a run and is in no run's record.
_SAME = ("workload", "emulated", "cpus_per_worker", "use_gpu")


def earlier_runs(store: ResultsStore, config: SweepConfig) -> list[RunRecord]:
    """Return the runs of the newest sweeps in a store that were configured alike."""
    wanted = config.model_dump(mode="json")
    alike = [
        sweep
        for sweep in store.sweeps()
        if all(json.loads(sweep.config_json).get(key) == wanted[key] for key in _SAME)
    ]
    return [run for sweep in alike[-_MAX_SWEEPS:] for run in store.runs(sweep.sweep_id)]
