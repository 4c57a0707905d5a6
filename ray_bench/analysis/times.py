"""How long training takes, and how much of it more workers save."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ray_bench.analysis.batches import step_samples
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means, log_ratio
from ray_bench.stats.means import t_interval

#: Runs whose amounts of data differ by more than this are not compared by their total time.
_SAME_WORK_FRAC = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRow:
    """Times of one world size, means over its runs."""

    world_size: int
    total: LogEstimate | None  # seconds of training and evaluation, as measured
    train_s: float | None
    eval_s: float | None
    setup_s: float | None
    with_setup: LogEstimate | None  # seconds of a run with its start-up, the phase pass left out
    num_epochs: float | None
    epoch: LogEstimate | None  # seconds: training samples / throughput
    iteration: LogEstimate | None  # seconds: global batch / throughput


@dataclass(frozen=True, slots=True)
class Change:
    """A time against a longer or shorter one, both ways of saying it."""

    ratio: Estimate  # how many times as fast
    less_frac: Estimate  # share of the time that is saved; negative if slower


def change(before_s: float, after_s: float) -> Change:
    """Return both forms: before / after, and 1 - after / before.

    218.5 s to 122.4 s is 1.79 times as fast and 44.0 % less time: neither number is the other.
    """
    return change_of(Estimate(before_s / after_s))


def change_of(ratio: Estimate) -> Change:
    """Return the change from its ratio, before / after."""
    return Change(ratio, ratio.mapped(lambda r: 1 - 1 / r))


def time_rows(
    runs: Sequence[RunRecord], throughput: Mapping[int, LogEstimate]
) -> tuple[TimeRow, ...]:
    """Return a row for every world size that has finished runs."""
    sizes = sorted({run.point.world_size for run in runs})
    by_size = {n: [r for r in runs if r.point.world_size == n] for n in sizes}
    totals, whole = _means(by_size, total_s), _means(by_size, with_setup_s)
    return tuple(
        _row(n, by_size[n], (totals.get(n), whole.get(n)), throughput.get(n)) for n in sizes
    )


def _means(
    by_size: Mapping[int, Sequence[RunRecord]], seconds: Callable[[RunRecord], float | None]
) -> dict[int, LogEstimate]:
    found = {n: _known(seconds(run) for run in runs) for n, runs in by_size.items()}
    sizes = [n for n, values in found.items() if values]
    return dict(zip(sizes, log_means([found[n] for n in sizes]), strict=True))


def _row(
    size: int,
    runs: Sequence[RunRecord],
    measured: tuple[LogEstimate | None, LogEstimate | None],
    rate: LogEstimate | None,
) -> TimeRow:
    samples = next((run.num_train_samples for run in runs if run.num_train_samples), None)
    return TimeRow(
        world_size=size,
        total=measured[0],
        train_s=mean(run.train_s for run in runs),
        eval_s=mean(run.eval_s for run in runs),
        setup_s=mean(run.startup_s for run in runs),
        with_setup=measured[1],
        num_epochs=mean(run.num_epochs for run in runs),
        epoch=_seconds_for(samples, rate),
        iteration=_seconds_for(step_samples(runs), rate),
    )


def total_s(run: RunRecord) -> float | None:
    """Return seconds of training and evaluation; start-up and the phase pass are left out."""
    if not run.train_s or run.train_s <= 0:
        return None
    return run.train_s + (run.eval_s or 0.0)


def with_setup_s(run: RunRecord) -> float | None:
    """Return seconds from the launch to the last evaluation; the phase pass is left out."""
    total = total_s(run)
    return None if total is None or run.startup_s is None else run.startup_s + total


def is_same_work(rows: Sequence[TimeRow]) -> bool:
    """Return whether all world sizes saw as much data, so that totals may be compared."""
    epochs = [row.num_epochs for row in rows if row.num_epochs]
    return len(epochs) == len(rows) and max(epochs) <= min(epochs) * (1 + _SAME_WORK_FRAC)


def run_time(row: TimeRow, rows: Sequence[TimeRow]) -> LogEstimate | None:
    """Return seconds of one run for the baseline's amount of data.

    The measured total where all world sizes saw the same data; else epochs x seconds per epoch.
    """
    if is_same_work(rows):
        return row.total
    epochs = rows[0].num_epochs
    return row.epoch.times(epochs) if epochs and row.epoch is not None else None


def run_time_with_setup(row: TimeRow, rows: Sequence[TimeRow]) -> LogEstimate | None:
    """Return seconds of one run for the baseline's amount of data, its start-up included.

    Where the data differ, start-up S is added to T = `run_time`, its own spread left out:
    Var(ln(T + S)) = Var(ln T) (T / (T + S))^2.
    """
    if is_same_work(rows):
        return row.with_setup
    work = run_time(row, rows)
    if work is None or row.setup_s is None:
        return None
    seconds = work.estimate.value
    share = seconds / (seconds + row.setup_s)
    variance = None if work.variance is None else work.variance * share**2
    return replace(work, log_mean=math.log(seconds + row.setup_s), variance=variance)


def saving(row: TimeRow, rows: Sequence[TimeRow]) -> Change | None:
    """Return how much faster a run is than the baseline's."""
    before, after = run_time(rows[0], rows), run_time(row, rows)
    if before is None or after is None:
        return None
    return change_of(log_ratio(before, after).estimate)


def seconds_saved(row: TimeRow, rows: Sequence[TimeRow]) -> Estimate | None:
    """Return by how many seconds a run is shorter than the baseline's; negative if longer.

    D = T_b - T_N, Var(D) = T_b^2 Var(ln T_b) + T_N^2 Var(ln T_N) (delta method, Welch's df).
    """
    before, after = run_time(rows[0], rows), run_time(row, rows)
    if before is None or after is None:
        return None
    value = before.estimate.value - after.estimate.value
    parts = [
        (x.part[0] * x.estimate.value**2, x.part[1]) for x in (before, after) if x.part is not None
    ]
    return t_interval(value, parts if len(parts) == 2 else [])


def _seconds_for(samples: float | None, rate: LogEstimate | None) -> LogEstimate | None:
    if samples is None or rate is None:
        return None
    return rate.inverse.times(samples)


def _known(values: Iterable[float | None]) -> list[float]:
    return [float(v) for v in values if v is not None]


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are known, None if there is none."""
    found = _known(values)
    return sum(found) / len(found) if found else None
