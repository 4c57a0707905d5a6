"""Time, worker-time and samples to a target at every world size, beside what throughput gains.

Seconds are from the first step, start-up left out, to the end of the evaluation that showed the
target; and without the time of evaluations. A size of which a run did not get there has a median
(Kaplan and Meier) where half of its runs did, and no mean. Of a size without a claim (more ranks
than cores or GPUs) samples count, and times do not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.parity.censored import median
from ray_bench.analysis.parity.history import Histories
from ray_bench.analysis.parity.outcomes import Reached
from ray_bench.analysis.parity.sides import (
    Side,
    best_rules,
    gain,
    means_of,
    num_rules,
    samples_of,
    time_of,
    train_time_of,
)
from ray_bench.config.metric_target import LOSS, MetricTarget
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One world size, under the rule by which it needs fewest samples; None is unknown."""

    world_size: int
    lr_rule: str  # several, with / between them, where they are one training
    first_rule: str  # of them
    is_claimed: bool  # False: more ranks than cores or GPUs, whose times say nothing
    num_reached: int
    num_runs: int
    samples: LogEstimate | None  # None where not every run got there, as all that follows
    resolution: float | None  # samples between the evaluation that showed it and the one before
    with_eval_s: LogEstimate | None
    train_s: LogEstimate | None  # evaluations not counted
    median_s: float | None  # of with_eval_s, also where some runs did not get there
    energy_j: Estimate | None  # of all workers
    speedup: Estimate | None  # of with_eval_s against the smallest world size
    train_speedup: Estimate | None
    rate_speedup: Estimate | None  # of throughput
    cost: Estimate | None  # worker-time to the target against that of the smallest world size
    more_samples: Estimate | None  # to the target, against the smallest world size

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
    is_sure: bool  # every other size that gets there is shown to be later than `fastest`
    has_one_seed: bool  # somewhere: how seeds differ is not in the intervals
    num_rules: int  # of which the best one counts, at most of one world size

    def row(self, size: int | None) -> TargetRow | None:
        """Return the row of a world size."""
        return next((x for x in self.rows if x.world_size == size), None)


def to_target(
    runs: Sequence[RunRecord],
    found: Histories,
    target: MetricTarget,
    curve: Curve,
    claimed: Sequence[int],
    timed: Collection[str] | None = None,
) -> ToTarget | None:
    """Return what the target takes; None where no run was evaluated for it.

    Args:
        runs: Finished and diverged ones of one group.
        found: Evaluations by run.
        target: What is to be reached.
        curve: Throughput by world size.
        claimed: World sizes whose times carry a claim: not more ranks than cores or GPUs.
        timed: Runs whose times count, the curve's; None: all.
    """
    best = best_rules(runs, found, target, timed)
    if not best:
        return None
    sides, base = list(best.values()), next(iter(best.values()))
    picks = {"samples": samples_of, "time": time_of, "train": train_time_of}
    means = {name: means_of(sides, pick) for name, pick in picks.items()}
    rows = [
        _row(side, base, {k: x[i] for k, x in means.items()}, curve, claimed)
        for i, side in enumerate(sides)
    ]
    fastest, by_rate = _best(rows, curve)
    return ToTarget(
        target=target,
        rows=tuple(rows),
        fastest=fastest,
        fastest_rate=by_rate,
        is_told_apart=_is_told_apart(best.get(fastest or 0), best.get(by_rate or 0)),
        is_sure=_is_sure([x for x in sides if x.world_size in claimed], best.get(fastest or 0)),
        has_one_seed=any(x.has_one_seed for x in sides),
        num_rules=num_rules(runs, found, target),
    )


def common_loss(runs: Sequence[RunRecord], found: Histories) -> MetricTarget | None:
    """Return the validation loss that every run reached, by the best rule of its world size."""
    worst: dict[tuple[int, str], float] = {}
    for run in runs:
        losses = found[run.run_id].metrics.get(LOSS) if run.run_id in found else None
        if losses is not None and np.isfinite(losses).any():
            cell = run.point.world_size, run.point.rule_label
            worst[cell] = max(float(np.nanmin(losses)), worst.get(cell, -math.inf))
    best = [min(x for (n, _), x in worst.items() if n == size) for size in {n for n, _ in worst}]
    return MetricTarget(LOSS, "<=", max(best)) if best else None


def _row(
    side: Side,
    base: Side,
    means: Mapping[str, LogEstimate | None],
    curve: Curve,
    claimed: Sequence[int],
) -> TargetRow:
    size, smallest = side.world_size, base.world_size
    is_claimed, is_base = size in claimed, side is base
    both = {size, smallest} <= set(claimed) and not is_base
    has_rates = both and {size, smallest} <= set(curve.throughput)
    speedup = gain(base, side, time_of) if both else None
    return TargetRow(
        world_size=size,
        lr_rule=side.rule,
        first_rule=side.runs[0].point.rule,
        is_claimed=is_claimed,
        num_reached=side.num_reached,
        num_runs=len(side.runs),
        samples=means["samples"],
        resolution=side.resolution,
        with_eval_s=means["time"] if is_claimed else None,
        train_s=means["train"] if is_claimed else None,
        median_s=_median_s(side.ways) if is_claimed else None,
        energy_j=_energy(side) if is_claimed else None,
        speedup=speedup,
        train_speedup=gain(base, side, train_time_of) if both else None,
        rate_speedup=curve.ratio(size, smallest).estimate if has_rates else None,
        cost=None if speedup is None else speedup.mapped(lambda x: size / smallest / x),
        more_samples=None if is_base else gain(side, base, samples_of),
    )


def _energy(side: Side) -> Estimate | None:
    """Return joules to the target: those of the run, in proportion to its time."""
    joules = []
    for run, way in zip(side.runs, side.ways, strict=True):
        whole_s = (run.train_s or 0.0) + (run.eval_s or 0.0)
        if way is None or way.samples is None:
            return None
        if run.energy_j is not None and way.with_eval_s is not None and whole_s:
            joules.append(run.energy_j * way.with_eval_s / whole_s)
    return log_means([joules])[0].estimate if joules and min(joules) > 0 else None


def _median_s(side: Sequence[Reached | None]) -> float | None:
    """Return the median seconds to the target; a run that never gets there takes forever."""
    there = [x.with_eval_s for x in side if x is not None and x.samples is not None]
    known = [x for x in there if x is not None]
    if len(known) < len(there):
        return None
    away = len(side) - len(there)
    values = [*known, *[math.inf] * away]
    return median(values, [True] * len(known) + [False] * away)


def _best(rows: Sequence[TargetRow], curve: Curve) -> tuple[int | None, int | None]:
    """Return the world size that is soonest at the target, and the one with most throughput."""
    claimed = [x.world_size for x in rows if x.is_claimed]
    there = {x.world_size: x.with_eval_s.log_mean for x in rows if x.with_eval_s is not None}
    rates = {n: curve.throughput[n].log_mean for n in curve.sizes if n in claimed}
    return (
        min(there, key=lambda n: there[n], default=None),
        max(rates, key=lambda n: rates[n], default=None),
    )


def _is_told_apart(fastest: Side | None, by_rate: Side | None) -> bool:
    """Return whether the one with most throughput is shown to be later at the target."""
    if fastest is None or by_rate is None or fastest is by_rate:
        return False
    if by_rate.num_reached < len(by_rate.runs):
        return True  # with more throughput, not every run got there
    return _is_later(by_rate, fastest)


def _is_sure(sides: Sequence[Side], fastest: Side | None) -> bool:
    there = [x for x in sides if x is not fastest and x.num_reached == len(x.runs)]
    return fastest is not None and all(_is_later(x, fastest) for x in there)


def _is_later(side: Side, fastest: Side) -> bool:
    ratio = gain(side, fastest, time_of)
    return ratio is not None and ratio.low is not None and ratio.low > 1
