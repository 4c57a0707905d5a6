"""What the analysis says of every single run: its place on a curve, its time and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.resources import cost, mfu_frac
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.analysis.study import Study
from ray_bench.analysis.throughput import Blocks, run_throughput
from ray_bench.analysis.times import total_s
from ray_bench.records import Results, RunRecord
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRun:
    """One run beside its world size. None is unknown, or makes no sense for the run.

    `mean_`: of all runs of the curve with this world size, the same in each of them. `low` and
    `high` are 95 % intervals.
    """

    curve: int | None = None  # the first of the report's groups with it, from 1; None: in none
    is_on_curve: bool = False  # False as well: DDP at world size 1, beside the curve
    baseline_world_size: int | None = None
    throughput_low_samples_per_s: float | None = None  # from the spread of the run's own blocks
    throughput_high_samples_per_s: float | None = None
    speedup: float | None = None  # this run against the mean of the baseline
    efficiency_frac: float | None = None
    mean_throughput_samples_per_s: float | None = None
    mean_throughput_low_samples_per_s: float | None = None
    mean_throughput_high_samples_per_s: float | None = None
    mean_speedup: float | None = None
    mean_speedup_low: float | None = None
    mean_speedup_high: float | None = None
    mean_efficiency_frac: float | None = None
    mean_efficiency_low_frac: float | None = None
    mean_efficiency_high_frac: float | None = None
    mean_serial_frac: float | None = None  # Karp-Flatt in strong, Gustafson's in weak scaling
    epoch_time_s: float | None = None  # training samples / throughput
    total_s: float | None = None  # training and evaluation
    worker_s: float | None = None  # world size x total_s
    mfu_frac: float | None = None  # model FLOPs utilisation
    cost: float | None = None  # worker_s x price, in `currency`
    currency: str | None = None


def per_run(
    results: Results,
    studies: Sequence[Study],
    price_per_worker_hour: float | None = None,
    currency: str | None = None,
) -> tuple[PerRun, ...]:
    """Return a row for every run of `results.runs`, in their order.

    Args:
        results: One sweep.
        studies: Its groups of comparable runs.
        price_per_worker_hour: Money per worker and hour; None leaves the cost unknown.
        currency: Of the price.
    """
    blocks = split_by_run(results.blocks)
    places: dict[str, tuple[int, Study]] = {}
    for number, study in enumerate(studies, start=1):
        for run in (*study.group.runs, *study.group.ddp_at_one):
            places.setdefault(run.run_id, (number, study))  # a baseline may be that of several
    money = (price_per_worker_hour, currency)
    return tuple(_row(run, places.get(run.run_id), blocks, money) for run in results.runs)


def _row(
    run: RunRecord,
    place: tuple[int, Study] | None,
    blocks: Blocks,
    price: tuple[float | None, str | None],
) -> PerRun:
    seconds = total_s(run)
    worker_s = None if seconds is None else run.point.world_size * seconds
    money = cost(None if worker_s is None else Estimate(worker_s), price[0])
    return PerRun(
        **({} if place is None else _on_curve(run, *place)),
        **_own_rate(run, blocks),
        total_s=seconds,
        worker_s=worker_s,
        mfu_frac=mfu_frac(run),
        cost=None if money is None else money.value,
        currency=None if money is None else price[1],
    )


def _own_rate(run: RunRecord, blocks: Blocks) -> dict[str, Any]:
    """Return what follows from the run's own throughput."""
    found = run_throughput(run, blocks)
    if found is None:
        return {}
    rate, samples = found.estimate, run.num_train_samples
    return {
        "throughput_low_samples_per_s": rate.low,
        "throughput_high_samples_per_s": rate.high,
        "epoch_time_s": samples / rate.value if samples else None,
    }


def _on_curve(run: RunRecord, number: int, study: Study) -> dict[str, Any]:
    rate, base = run.throughput_samples_per_s, study.throughput.get(study.baseline)
    speedup = None if rate is None or base is None else rate / base.estimate.value
    growth = run.point.world_size / study.baseline
    is_on_curve = run.run_id not in {x.run_id for x in study.group.ddp_at_one}
    rows = {row.world_size: row for row in study.rows} if is_on_curve else {}
    return {
        "curve": number,
        "is_on_curve": is_on_curve,
        "baseline_world_size": study.baseline,
        "speedup": speedup,
        "efficiency_frac": None if speedup is None else speedup / growth,
        **_means(rows.get(run.point.world_size)),
    }


def _means(row: ScalingRow | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {
        **_bounds("mean_throughput", "_samples_per_s", row.throughput),
        **_bounds("mean_speedup", "", row.speedup),
        **_bounds("mean_efficiency", "_frac", row.efficiency_frac),
        "mean_serial_frac": None if row.serial_frac is None else row.serial_frac.value,
    }


def _bounds(name: str, unit: str, value: Estimate) -> dict[str, Any]:
    return {
        f"{name}{unit}": value.value,
        f"{name}_low{unit}": value.low,
        f"{name}_high{unit}": value.high,
    }
