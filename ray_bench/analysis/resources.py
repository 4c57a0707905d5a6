"""What a run takes: workers, memory, worker-time, energy and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.estimate import Estimate, LogEstimate, log_ratio
from ray_bench.analysis.times import TimeRow, is_same_work, mean, run_time
from ray_bench.records import RunRecord

_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """Resources of one run at one world size."""

    world_size: int
    peak_memory_bytes: float | None  # per worker, the largest of all runs
    time: LogEstimate | None  # seconds of one run
    worker_s: Estimate | None  # world size x seconds
    worker_ratio: Estimate | None  # worker-seconds against the baseline's
    energy_j: float | None  # for the baseline's amount of data
    energy_ratio: float | None  # against the baseline's


def resource_rows(runs: Sequence[RunRecord], times: Sequence[TimeRow]) -> tuple[ResourceRow, ...]:
    """Return a row for every world size."""
    return tuple(_row(row, times, runs) for row in times)


def _row(row: TimeRow, times: Sequence[TimeRow], runs: Sequence[RunRecord]) -> ResourceRow:
    own = [run for run in runs if run.point.world_size == row.world_size]
    time = run_time(row, times)
    energy, before = (_energy(x, times, runs) for x in (row, times[0]))
    peaks = [run.peak_memory_bytes for run in own if run.peak_memory_bytes is not None]
    return ResourceRow(
        world_size=row.world_size,
        peak_memory_bytes=float(max(peaks)) if peaks else None,
        time=time,
        worker_s=None if time is None else time.estimate.scaled(row.world_size),
        worker_ratio=_ratio(row, times),
        energy_j=energy,
        energy_ratio=energy / before if energy is not None and before else None,
    )


def _energy(row: TimeRow, times: Sequence[TimeRow], runs: Sequence[RunRecord]) -> float | None:
    """Return the mean energy of a run, scaled to the baseline's data where runs saw other data."""
    energy = mean(run.energy_j for run in runs if run.point.world_size == row.world_size)
    if energy is None or is_same_work(times):
        return energy
    if not row.num_epochs or not times[0].num_epochs:
        return None
    return energy * times[0].num_epochs / row.num_epochs


def _ratio(row: TimeRow, times: Sequence[TimeRow]) -> Estimate | None:
    """Return worker-time relative to the baseline: N T_N / (b T_b), 1 / efficiency of the time."""
    own, baseline = run_time(row, times), run_time(times[0], times)
    if own is None or baseline is None:
        return None
    if row is times[0]:
        return Estimate(1.0)
    growth = row.world_size / times[0].world_size
    return log_ratio(own, baseline).estimate.scaled(growth)


def cost(worker_s: Estimate | None, price_per_worker_hour: float | None) -> Estimate | None:
    """Return the money that worker-seconds cost; None without a price."""
    if worker_s is None or price_per_worker_hour is None:
        return None
    return worker_s.scaled(price_per_worker_hour / _S_PER_HOUR)
