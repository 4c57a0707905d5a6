"""Time, worker-time and samples to a target at every world size, beside what throughput gains.

Seconds are from the first step, start-up left out, to the end of the evaluation that showed the
target; and without the time of evaluations. A size of which a run did not get there has a median
(Kaplan and Meier) where half of its runs did, and no mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.parity.censored import median
from ray_bench.analysis.parity.outcomes import Reached, Tables, reached, seed_of
from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means, log_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One world size, under the rule by which it is there soonest; None is unknown."""

    world_size: int
    lr_rule: str
    num_reached: int
    num_runs: int
    samples: LogEstimate | None
    with_eval_s: LogEstimate | None  # seconds; None where not every run got there
    train_s: LogEstimate | None  # evaluations not counted
    median_s: float | None  # of with_eval_s, also where some runs did not get there
    speedup: Estimate | None  # of with_eval_s against the smallest world size
    train_speedup: Estimate | None
    rate_speedup: Estimate | None  # of throughput
    cost: Estimate | None  # worker-time to the target against that of the smallest world size

    @property
    def is_complete(self) -> bool:
        """Whether every run got there."""
        return self.num_reached == self.num_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class ToTarget:
    """What a target takes, and which world sizes are best."""

    target: MetricTarget
    rows: tuple[TargetRow, ...]  # ascending
    fastest: int | None  # to the target, of the sizes of which every run got there
    fastest_rate: int | None  # by throughput
    is_told_apart: bool  # the two differ, and by more than the noise
    has_one_seed: bool  # somewhere: how seeds differ is not in the intervals


def to_target(
    runs: Sequence[RunRecord],
    epochs: Tables,
    target: MetricTarget,
    curve: Curve,
    claimed: Sequence[int],
) -> ToTarget | None:
    """Return what the target takes; None where no run was evaluated for it.

    Args:
        runs: Finished and diverged ones of one group.
        epochs: Columns of the table `epochs` by run.
        target: Of a column of it.
        curve: Throughput by world size.
        claimed: World sizes whose times carry a claim: not more ranks than cores or GPUs.
    """
    found = {run.run_id: reached(epochs.get(run.run_id), target) for run in runs}
    cells: dict[tuple[int, str], list[RunRecord]] = {}
    for run in runs:
        if found[run.run_id] is not None or run.status == "diverged":
            cells.setdefault((run.point.world_size, run.point.rule_label), []).append(run)
    sides = {cell: [found[run.run_id] for run in those] for cell, those in cells.items()}
    sides = {cell: side for cell, side in sides.items() if any(side)}
    if not sides:
        return None
    seeds = {cell: [seed_of(run) for run in cells[cell]] for cell in sides}
    means = [_means(sides, seeds, pick) for pick in (_whole, _train, _samples)]
    sizes = sorted({size for size, _ in sides})
    best = {n: min((c for c in sides if c[0] == n), key=_soonest(sides, means[0])) for n in sizes}
    rows = tuple(_row(best[n], best[sizes[0]], sides, means, curve) for n in sizes)
    has_one_seed = any(len(set(seeds[best[n]])) == 1 for n in sizes)
    return _best(target, rows, curve, claimed, has_one_seed)


def common_loss(runs: Sequence[RunRecord], epochs: Tables) -> MetricTarget | None:
    """Return the validation loss that every run reached, by the best rule of its world size."""
    worst: dict[tuple[int, str], float] = {}
    for run in runs:
        losses = epochs.get(run.run_id, {}).get("val_loss", np.array([]))
        known = np.array(losses.tolist(), dtype=float)
        if np.isfinite(known).any():
            cell = run.point.world_size, run.point.rule_label
            worst[cell] = max(float(np.nanmin(known)), worst.get(cell, -math.inf))
    best = [min(x for (n, _), x in worst.items() if n == size) for size in {n for n, _ in worst}]
    return MetricTarget("val_loss", "<=", max(best)) if best else None


Sides = Mapping[tuple[int, str], Sequence[Reached | None]]  # None: diverged
Means = Mapping[tuple[int, str], LogEstimate]


def _whole(x: Reached) -> float | None:
    return x.with_eval_s


def _train(x: Reached) -> float | None:
    return x.train_s


def _samples(x: Reached) -> float | None:
    return x.samples


def _means(
    sides: Sides,
    seeds: Mapping[tuple[int, str], Sequence[int]],
    pick: Callable[[Reached], float | None],
) -> Means:
    """Return means of the cells of which every run got there, and is known."""
    full: dict[tuple[int, str], list[float]] = {}
    for cell, side in sides.items():
        values = [None if x is None else pick(x) for x in side]
        known = [v for v in values if v is not None]
        if len(known) == len(side):
            full[cell] = _by_seed(known, seeds[cell])
    return dict(zip(full, log_means(list(full.values())), strict=True)) if full else {}


def _by_seed(values: Sequence[float], seeds: Sequence[int]) -> list[float]:
    """Return the geometric mean of every seed: its repeats train the same model again.

    With a single seed its repeats are all there is; how seeds differ is not in their spread.
    """
    if len(set(seeds)) == 1:
        return list(values)
    logs, of = np.log(values), np.array(seeds)
    return [math.exp(float(logs[of == seed].mean())) for seed in sorted(set(seeds))]


def _soonest(sides: Sides, means: Means) -> Callable[[tuple[int, str]], tuple[float, float]]:
    """Rules are not mixed: the least mean counts, without one the most runs that got there."""

    def key(cell: tuple[int, str]) -> tuple[float, float]:
        count = sum(x is not None and x.samples is not None for x in sides[cell])
        known = means.get(cell)
        return (math.inf if known is None else known.log_mean, -count / len(sides[cell]))

    return key


def _row(
    cell: tuple[int, str],
    base: tuple[int, str],
    sides: Sides,
    means: Sequence[Means],
    curve: Curve,
) -> TargetRow:
    whole, train, samples = (x.get(cell) for x in means)
    size, smallest = cell[0], base[0]
    speedups = [_over(x.get(base), x.get(cell)) for x in means[:2]]
    has_rates = size in curve.throughput and smallest in curve.throughput
    there = [x for x in sides[cell] if x is not None and x.samples is not None]
    return TargetRow(
        world_size=size,
        lr_rule=cell[1],
        num_reached=len(there),
        num_runs=len(sides[cell]),
        samples=samples,
        with_eval_s=whole,
        train_s=train,
        median_s=_median_s(sides[cell]),
        speedup=speedups[0] if size > smallest else None,
        train_speedup=speedups[1] if size > smallest else None,
        rate_speedup=curve.ratio(size, smallest).estimate
        if has_rates and size > smallest
        else None,
        cost=None
        if size == smallest or speedups[0] is None
        else speedups[0].mapped(lambda x: size / smallest / x),
    )


def _over(before: LogEstimate | None, after: LogEstimate | None) -> Estimate | None:
    return None if before is None or after is None else log_ratio(before, after).estimate


def _median_s(side: Sequence[Reached | None]) -> float | None:
    """Return the median seconds to the target; a run that never gets there takes forever."""
    there = [x.with_eval_s for x in side if x is not None and x.samples is not None]
    known = [x for x in there if x is not None]
    if len(known) < len(there):
        return None
    away = len(side) - len(there)
    values = [*known, *[math.inf] * away]
    return median(values, [True] * len(known) + [False] * away)


def _best(
    target: MetricTarget,
    rows: Sequence[TargetRow],
    curve: Curve,
    claimed: Sequence[int],
    has_one_seed: bool,
) -> ToTarget:
    there = {x.world_size: x.with_eval_s for x in rows if x.world_size in claimed and x.with_eval_s}
    rates = {n: curve.throughput[n].log_mean for n in curve.sizes if n in claimed}
    fastest = min(there, key=lambda n: there[n].log_mean, default=None)
    by_rate = max(rates, key=lambda n: rates[n], default=None)
    told = False
    if fastest != by_rate and fastest in there and by_rate in there:
        ratio = log_ratio(there[by_rate], there[fastest]).estimate
        told = ratio.low is not None and ratio.low > 1
    elif fastest != by_rate and fastest is not None:
        told = True  # with more throughput, not every run got there
    return ToTarget(
        target=target,
        rows=tuple(rows),
        fastest=fastest,
        fastest_rate=by_rate,
        is_told_apart=told,
        has_one_seed=has_one_seed,
    )
