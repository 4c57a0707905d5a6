"""What a target took, as measured. Where a run did not get there, it is not known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.parity.history import Histories
from ray_bench.analysis.parity.outcomes import Reached
from ray_bench.analysis.parity.sides import best_rules, means_of, time_of
from ray_bench.config.metric_target import ACCURACY, MetricTarget, accuracy_target
from ray_bench.records import RunRecord
from ray_bench.stats.log_estimate import LogEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """The way to the target at one world size, by the rule that is soonest there."""

    world_size: int
    lr_rule: str
    epochs: LogEstimate | None  # None: not every run got there, under any rule
    time: LogEstimate | None  # seconds, evaluations included; None where it is not known either
    num_reached: int
    num_runs: int


def default_target(runs: Sequence[RunRecord], found: Histories) -> MetricTarget | None:
    """Return the validation accuracy that every run reached, by the best rule of its world size."""
    least: dict[tuple[int, str], float] = {}
    for run in runs:
        best = _best(run, found)
        if best is not None:
            cell = run.point.world_size, run.point.rule
            least[cell] = min(best, least.get(cell, best))
    sizes = {size for size, _ in least}
    most = min((max(x for (n, _), x in least.items() if n == size) for size in sizes), default=None)
    return None if most is None else accuracy_target(most)


def convergence(
    runs: Sequence[RunRecord],
    found: Histories,
    target: MetricTarget,
    timed: Collection[str] | None = None,
) -> dict[int, Convergence]:
    """Return what every world size took to the target.

    Rules are not mixed: of those under which every run got there, the one that was soonest on
    average counts (`best_rules`), and the intervals allow for the choice. The samples between two
    evaluations are the resolution.

    Args:
        runs: Finished and diverged ones of one group.
        found: Evaluations by run.
        target: What is to be reached.
        timed: Runs whose times count; None: all.
    """
    sides = best_rules(runs, found, target, timed)
    epochs, times = (means_of(list(sides.values()), pick) for pick in (_epochs, time_of))
    return {
        size: Convergence(
            world_size=size,
            lr_rule=side.rule,
            epochs=epochs[i],
            time=times[i],
            num_reached=side.num_reached,
            num_runs=len(side.runs),
        )
        for i, (size, side) in enumerate(sides.items())
    }


def _epochs(way: Reached) -> float | None:
    return way.epoch


def _best(run: RunRecord, found: Histories) -> float | None:
    values = found[run.run_id].metrics.get(ACCURACY) if run.run_id in found else None
    if values is None or not np.isfinite(values).any():
        return None
    return float(np.nanmax(values))
