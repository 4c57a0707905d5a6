"""One sweep's curve as a comparison needs it: logarithms with variances, by world size."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ray_bench.analysis.comparison.interval import with_launch_noise
from ray_bench.analysis.curve import Curve
from ray_bench.analysis.decision.target import Convergence, convergence, default_target
from ray_bench.analysis.fit.points import points_of
from ray_bench.analysis.fit.serial import serial_law
from ray_bench.analysis.groups import Group, first_of_launches
from ray_bench.analysis.parity.history import Histories, histories_of
from ray_bench.analysis.times import TimeRow, time_rows
from ray_bench.config.metric_target import accuracy_target
from ray_bench.records import Results, RunRecord, Scaling, known
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The runs of one curve at some world sizes."""

    runs: tuple[RunRecord, ...]
    histories: Histories
    measured: Curve  # as in the sweep's own report
    curve: Curve  # with the noise between launches, assumed where it was not measured
    is_noise_assumed: bool

    @property
    def scaling(self) -> Scaling:
        """Which batch was fixed."""
        return known(self.runs[0].point.scaling)

    @property
    def is_ladder(self) -> bool:
        """Whether the runs are turns of a ladder, whose length says nothing."""
        return any(run.ladder_id is not None for run in self.runs)

    def at(self, size: int) -> tuple[RunRecord, ...]:
        """Return the runs of one world size."""
        return tuple(run for run in self.runs if run.point.world_size == size)

    def times(self) -> dict[int, TimeRow]:
        """Return times by world size."""
        timed = first_of_launches(self.runs)
        return {row.world_size: row for row in time_rows(timed, self.curve.throughput)}

    def memory(self) -> dict[int, LogEstimate]:
        """Return peak bytes of a worker by world size; a world size without any is left out."""
        peaks = {n: self._peaks(n) for n in self.curve.sizes}
        sizes = [n for n, values in peaks.items() if values]
        return dict(zip(sizes, log_means([peaks[n] for n in sizes]), strict=True))

    def serial_frac(self) -> Estimate | None:
        """Return the serial share of the fitted law; None with a single world size."""
        if len(self.measured.sizes) < 2:
            return None
        return serial_law(points_of(self.measured.throughput, self.scaling)).serial_frac

    def target_frac(self) -> float | None:
        """Return the validation accuracy that every run reached, by the best rule."""
        found = default_target(self.runs, self.histories)
        return None if found is None else found.value

    def convergence(self, target_frac: float) -> dict[int, Convergence]:
        """Return epochs to an accuracy by world size."""
        return convergence(self.runs, self.histories, accuracy_target(target_frac))

    def _peaks(self, size: int) -> list[float]:
        found = [run.peak_memory_bytes for run in self.at(size)]
        return [float(peak) for peak in found if peak]


def side_of(group: Group, results: Results, curve: Curve, sizes: Collection[int]) -> Side:
    """Return a curve at the world sizes that are compared."""
    runs = tuple(run for run in group.runs if run.point.world_size in sizes)
    measured = curve.only(sizes)
    timed = first_of_launches(runs)
    noisy = {n: _noisy(x, timed, n) for n, x in measured.throughput.items()}
    return Side(
        runs=runs,
        histories=histories_of(results),
        measured=measured,
        curve=replace(measured, throughput=noisy),
        is_noise_assumed=noisy != measured.throughput,
    )


def _noisy(estimate: LogEstimate, runs: Sequence[RunRecord], size: int) -> LogEstimate:
    """Add the noise between launches where the spread does not hold it.

    The rounds of a ladder share a launch, and so do the blocks of a run.
    """
    own = [run for run in runs if run.point.world_size == size]
    ladders = {run.ladder_id for run in own}
    if None not in ladders:
        return with_launch_noise(estimate, len(ladders))
    if estimate.source == "within_run":
        return with_launch_noise(estimate, len(own))
    return estimate
