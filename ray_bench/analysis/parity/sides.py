"""Runs of one world size and rule on their way to a target, and what one side gains on another.

Gains are ratios of seeds that both sides have, in pairs, where there are three or more: seeds are
lucky or not with any number of workers, and that cancels. Of several rules the data choose the best
one, which flatters it: its intervals are those that hold for all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.parity.history import Histories
from ray_bench.analysis.parity.outcomes import MIN_SEEDS, Cell, Reached, reached, seed_of
from ray_bench.analysis.parity.runs import LOST
from ray_bench.analysis.parity.trainings import label_of, trainings
from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_means, log_ratio, mean_log

Pick = Callable[[Reached], float | None]


@dataclass(frozen=True, slots=True)
class Side:
    """The runs of one world size and rule, and how each came to the target; None: it diverged."""

    rule: str
    runs: tuple[RunRecord, ...]
    ways: tuple[Reached | None, ...]
    num_rules: int = 1  # that it was chosen from
    is_soonest: bool = True  # by time; False: times are not known, it has the fewest samples

    @property
    def world_size(self) -> int:
        """Ranks of every run."""
        return self.runs[0].point.world_size

    @property
    def num_reached(self) -> int:
        """Runs that got there."""
        return sum(x is not None and x.samples is not None for x in self.ways)

    @property
    def has_one_seed(self) -> bool:
        """Whether all runs are of one seed."""
        return len({seed_of(run) for run in self.runs}) == 1

    @property
    def resolution(self) -> float | None:
        """Samples between the evaluation that showed the target and the one before it, a mean."""
        steps = [x.samples - x.samples_before for x in self.ways if x is not None and x.samples]
        return float(np.mean(steps)) if steps else None

    @property
    def step_log(self) -> float:
        """The same as a logarithm: ln of the samples to the target over those one before."""
        there = [x for x in self.ways if x is not None and x.samples and x.samples_before > 0]
        logs = [math.log((x.samples or 0.0) / x.samples_before) for x in there]
        return float(np.mean(logs)) if logs else 0.0

    def logs(self, pick: Pick) -> dict[int, list[float]] | None:
        """Return the known logarithms by seed; None where a run did not get there, or none is."""
        if self.num_reached < len(self.ways):
            return None
        found: dict[int, list[float]] = {}
        for run, way in zip(self.runs, self.ways, strict=True):
            value = None if way is None else pick(way)
            if value is not None:
                found.setdefault(seed_of(run), []).append(math.log(value))
        return found or None

    def has_all(self, pick: Pick) -> bool:
        """Whether it is known of every run."""
        return all(x is not None and pick(x) is not None for x in self.ways)

    def by_seed(self, pick: Pick) -> dict[int, float] | None:
        """Return the mean logarithm of every seed: its repeats train the same model again."""
        logs = self.logs(pick)
        return None if logs is None else {s: float(np.mean(x)) for s, x in logs.items()}


def samples_of(way: Reached) -> float | None:
    """Return the samples to the target."""
    return way.samples


def time_of(way: Reached) -> float | None:
    """Return the seconds to the target, evaluations included."""
    return way.with_eval_s


def train_time_of(way: Reached) -> float | None:
    """Return the seconds of training to the target."""
    return way.train_s


def sides_of(
    runs: Sequence[RunRecord],
    found: Histories,
    target: MetricTarget,
    timed: Collection[str] | None = None,
) -> dict[Cell, Side]:
    """Return runs by world size and training, of which any was evaluated for the target.

    Args:
        runs: Finished and lost ones.
        found: Evaluations by run.
        target: What is to be reached.
        timed: Runs whose times count; None: all.
    """
    ways = {run.run_id: reached(found.get(run.run_id), target) for run in runs}
    for run_id, way in ways.items():
        if way is not None and timed is not None and run_id not in timed:
            ways[run_id] = replace(way, train_s=None, with_eval_s=None)
    known = [run for run in runs if ways[run.run_id] is not None or run.status in LOST]
    sides = {}
    for those in trainings(known, found):
        side = Side(label_of(those), those, tuple(ways[run.run_id] for run in those))
        if any(side.ways):
            sides[side.world_size, side.rule] = side
    return sides


def _best(sides: Sequence[Side]) -> Side:
    """Return the rule that is soonest at the target; by samples where a time is not known."""
    there = [x for x in sides if x.num_reached == len(x.runs)]
    is_soonest = all(x.has_all(time_of) for x in there)
    pick = time_of if is_soonest else samples_of
    best = min(sides, key=lambda x: _order(x, pick))
    return replace(best, num_rules=len(sides), is_soonest=is_soonest)


def _order(side: Side, pick: Pick) -> tuple[bool, int, float, float]:
    """Rules are not mixed: the least counts, without all the most runs that got there.

    A rule that has not all its seeds yet does not win by a lucky one.
    """
    known = side.by_seed(pick)
    mean = math.inf if known is None else float(np.mean(list(known.values())))
    num_seeds = min(MIN_SEEDS, len({seed_of(run) for run in side.runs}))
    return (known is None, -num_seeds, mean, -side.num_reached / len(side.runs))


def best_rules(
    runs: Sequence[RunRecord],
    found: Histories,
    target: MetricTarget,
    timed: Collection[str] | None = None,
) -> dict[int, Side]:
    """Return the runs of every world size under the rule by which it is soonest at the target.

    Empty where no run was evaluated for the target. The arguments are those of `sides_of`.
    """
    sides = sides_of(runs, found, target, timed)
    sizes = sorted({size for size, _ in sides})
    of = {n: [x for cell, x in sides.items() if cell[0] == n] for n in sizes}
    return {n: _best(those) for n, those in of.items()}


def means_of(sides: Sequence[Side], pick: Pick) -> list[LogEstimate | None]:
    """Return the mean of every side of which every run got there, and is known.

    With a single seed its repeats are all there is; how seeds differ is not in their spread.
    """
    means = zip(_means_of(sides, pick), sides, strict=True)
    return [None if mean is None else mean.widened(side.num_rules) for mean, side in means]


def _means_of(sides: Sequence[Side], pick: Pick) -> list[LogEstimate | None]:
    full: dict[int, list[float]] = {}
    for i, side in enumerate(sides):
        logs = side.logs(pick)
        if logs is not None:
            seeds = [float(np.mean(x)) for x in logs.values()]
            full[i] = np.exp(seeds if len(seeds) > 1 else next(iter(logs.values()))).tolist()
    found = dict(zip(full, log_means(list(full.values())), strict=True)) if full else {}
    return [found.get(i) for i in range(len(sides))]


def gain(base: Side, side: Side, pick: Pick) -> Estimate | None:
    """Return how many times as much the base takes, in pairs of seeds where there are enough.

    Equal readings are not equal values: a target is reached somewhere between two evaluations.
    Where a side was chosen from several rules, the interval holds for all pairs of them.
    """
    before, after = base.by_seed(pick), side.by_seed(pick)
    if before is None or after is None:
        return None
    shared = sorted(before.keys() & after.keys())
    if len(shared) >= MIN_SEEDS:
        ratio = mean_log([before[s] - after[s] for s in shared])
        floor = (base.step_log**2 + side.step_log**2) / (12 * len(shared))
        ratio = replace(ratio, variance=max(ratio.variance or 0.0, floor))
    else:
        one, other = _means_of([base, side], pick)
        if one is None or other is None:
            return None
        ratio = log_ratio(one, other)
    return ratio.widened(num_pairs(base, side)).estimate


def num_pairs(base: Side, side: Side) -> int:
    """Return from how many pairs of rules these two were chosen."""
    return base.num_rules * side.num_rules
