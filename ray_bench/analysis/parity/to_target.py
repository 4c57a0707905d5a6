"""Time, worker-time and samples to a target at every world size, beside what throughput gains.

Seconds are from the first step, start-up left out, to the end of the evaluation that showed the
target; and without the time of evaluations. A size of which a run did not get there has a median
(Kaplan and Meier) where half of its runs did, and no mean. Of a size without a claim (more ranks
than cores or GPUs) samples count, and times do not. Where a sweep has several learning-rate rules a
world size is told by one of them, its throughput too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
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
    num_pairs,
    samples_of,
    time_of,
    train_time_of,
)
from ray_bench.analysis.parity.trainings import rules_of
from ray_bench.config.metric_target import LOSS, MetricTarget
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means, widening
from ray_bench.stats.means import Part

#: Of the samples to a target that is reached at the first evaluation: all of them may be too many.
_MOST_LATE_FRAC = 0.99

#: The curve of some of its runs, by their ids.
PartCurve = Callable[[Collection[str]], Curve]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One world size, under the rule by which it is soonest; None is unknown."""

    world_size: int
    lr_rule: str  # several, with / between them, where they are one training
    lr_rules: tuple[str, ...]  # these
    first_rule: str  # of them
    num_rules: int  # that it was chosen from by these runs, which its intervals allow for
    is_soonest: bool  # by time; False: times are not known, it has the fewest samples
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
    rate_speedup: Estimate | None  # of throughput, under these rules
    cost: Estimate | None  # worker-time to the target against that of the smallest world size
    more_samples: Estimate | None  # to the target, against the smallest world size

    @property
    def is_complete(self) -> bool:
        """Whether every run got there."""
        return self.num_reached == self.num_runs

    @property
    def samples_noise(self) -> Part | None:
        """Variance of ln of the mean samples, and its degrees of freedom; None without an interval.

        Of the measurement itself: without what `samples` allows for the choice of a rule.

        No less than the spacing of evaluations d leaves of one reading, ln^2(1 - d / samples) / 12:
        where seeds differ by less than it, they are all read too late by the same amount.
        """
        if self.samples is None or self.samples.part is None:
            return None
        variance, df = self.samples.part
        variance /= self.widening**2
        late = min((self.resolution or 0.0) / self.samples.estimate.value, _MOST_LATE_FRAC)
        return max(variance, math.log1p(-late) ** 2 / 12), df

    @property
    def widening(self) -> float:
        """By how much the interval of `samples` is wider, as the rule was chosen by these runs."""
        if self.samples is None or self.samples.df is None:
            return 1.0
        return widening(self.samples.df, self.num_rules)


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

    @property
    def num_rules(self) -> int:
        """Of which the best one counts, at most of one world size."""
        return max(row.num_rules for row in self.rows)

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
    part_curve: PartCurve | None = None,
) -> ToTarget | None:
    """Return what the target takes; None where no run was evaluated for it.

    Args:
        runs: Finished and diverged ones of one group.
        found: Evaluations by run.
        target: What is to be reached.
        curve: Throughput by world size.
        claimed: World sizes whose times carry a claim: not more ranks than cores or GPUs.
        timed: Runs whose times count, the curve's; None: all.
        part_curve: Throughput of some of the curve's runs, by their ids; None: of the rules by
            themselves it is not known.
    """
    best = best_rules(runs, found, target, timed)
    if not best:
        return None
    sides, base = list(best.values()), next(iter(best.values()))
    picks = {"samples": samples_of, "time": time_of, "train": train_time_of}
    means = {name: means_of(sides, pick) for name, pick in picks.items()}
    rows = [
        _row(
            side,
            base,
            {k: x[i] for k, x in means.items()},
            claimed,
            _rate_gain(base, side, curve, part_curve),
        )
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
    claimed: Sequence[int],
    rate_gain: Estimate | None,
) -> TargetRow:
    size, smallest = side.world_size, base.world_size
    is_claimed, is_base = size in claimed, side is base
    both = {size, smallest} <= set(claimed) and not is_base
    speedup = gain(base, side, time_of) if both else None
    return TargetRow(
        world_size=size,
        lr_rule=side.rule,
        lr_rules=rules_of(side.runs),
        first_rule=side.runs[0].point.rule,
        num_rules=side.num_rules,
        is_soonest=side.is_soonest,
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
        rate_speedup=rate_gain if both else None,
        cost=None if speedup is None else speedup.mapped(lambda x: size / smallest / x),
        more_samples=None if is_base else gain(side, base, samples_of),
    )


def _rate_gain(
    base: Side, side: Side, curve: Curve, part_curve: PartCurve | None
) -> Estimate | None:
    """Return the gain in throughput: under the rules of the two sides, where there are others."""
    size, smallest = side.world_size, base.world_size
    if num_pairs(base, side) > 1:
        runs = (*base.runs, *side.runs)
        curve = Curve(throughput={}) if part_curve is None else part_curve({x.run_id for x in runs})
    if not {size, smallest} <= set(curve.throughput):
        return None
    # A rule that has the fewest samples was not chosen by its speed.
    count = math.prod(x.num_rules for x in (base, side) if x.is_soonest)
    return curve.ratio(size, smallest).widened(count).estimate


def _energy(side: Side) -> Estimate | None:
    """Return joules to the target: those of the run, in proportion to its time."""
    joules = []
    for run, way in zip(side.runs, side.ways, strict=True):
        whole_s = (run.train_s or 0.0) + (run.eval_s or 0.0)
        if way is None or way.samples is None:
            return None
        if run.energy_j is not None and way.with_eval_s is not None and whole_s:
            joules.append(run.energy_j * way.with_eval_s / whole_s)
    if not joules or min(joules) <= 0:
        return None
    return log_means([joules])[0].widened(side.num_rules).estimate


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
