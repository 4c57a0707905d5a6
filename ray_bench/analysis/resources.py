"""What a run takes: workers, memory, worker-time, energy and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.times import TimeRow, is_same_work, mean, run_time
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_ratio

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
    gpu: GpuRow


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRow:
    """What the GPUs did in the throughput pass, over all runs of a world size; None is unknown."""

    mfu_frac: float | None  # model FLOPs utilisation: FLOP/s of the model / dense peak
    flops_per_sample: float | None
    peak_flops_per_s: float | None  # of one device
    util_frac: float | None
    memory_util_frac: float | None
    clock_mhz: float | None
    temperature_c: float | None  # highest
    throttle_reasons: tuple[str, ...] | None

    @property
    def is_known(self) -> bool:
        """Whether anything is."""
        return any(getattr(self, name) is not None for name in GpuRow.__dataclass_fields__)


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
        gpu=_gpu(own),
    )


def _gpu(runs: Sequence[RunRecord]) -> GpuRow:
    heats = [run.gpu_temperature_c for run in runs if run.gpu_temperature_c is not None]
    reasons = [run.gpu_throttle_reasons for run in runs if run.gpu_throttle_reasons is not None]
    return GpuRow(
        mfu_frac=mean(mfu_frac(run) for run in runs),
        flops_per_sample=mean(run.flops_per_sample for run in runs),
        peak_flops_per_s=mean(run.device_peak_flops_per_s for run in runs),
        util_frac=mean(run.gpu_util_frac for run in runs),
        memory_util_frac=mean(run.gpu_memory_util_frac for run in runs),
        clock_mhz=mean(run.gpu_clock_mhz for run in runs),
        temperature_c=max(heats, default=None),
        throttle_reasons=tuple(dict.fromkeys(sum(reasons, ()))) if reasons else None,
    )


def mfu_frac(run: RunRecord) -> float | None:
    """Return a run's model FLOPs utilisation: X x FLOPs per sample / (N x dense peak).

    Chowdhery et al. 2022 (PaLM), appendix B. FLOPs are those of the model, recomputation left out.
    """
    rate, flops, peak = (
        run.throughput_samples_per_s,
        run.flops_per_sample,
        run.device_peak_flops_per_s,
    )
    if rate is None or flops is None or not peak:
        return None
    return rate * flops / (run.point.world_size * peak)


def _energy(row: TimeRow, times: Sequence[TimeRow], runs: Sequence[RunRecord]) -> float | None:
    """Return the mean energy of a run, scaled to the baseline's data where runs saw other data."""
    energy = mean(run.energy_j for run in runs if run.point.world_size == row.world_size)
    if energy is None or is_same_work(times):
        return energy
    if row.num_epochs and times[0].num_epochs:
        return energy * times[0].num_epochs / row.num_epochs
    # What an epoch is only the script knows; what it has trained on was counted.
    own, before = (_samples(n, runs) for n in (row.world_size, times[0].world_size))
    return energy * before / own if own and before else None


def _samples(world_size: int, runs: Sequence[RunRecord]) -> float | None:
    """Return the mean samples that runs of a world size have trained on, where their steps tell."""
    return mean(
        None if run.num_steps is None else run.num_steps * run.samples_per_step
        for run in runs
        if run.point.world_size == world_size
    )


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
