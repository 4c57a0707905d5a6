"""Runs that did not reach a target: they took more than they had, and are never dropped.

Medians are those of Kaplan and Meier 1958 (Journal of the American Statistical Association 53).
Differences are of the logarithm restricted to a horizon, min(T, horizon), which all runs of both
sides have seen (restricted mean: Royston and Parmar 2013, BMC Medical Research Methodology 13). A
diverged run never gets there. What lies beyond the horizon is not known, so that a difference with
runs that were cut short can show that a side is worse, never that the two are equivalent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ray_bench.analysis.parity.outcomes import Outcome


def median(values: Sequence[float], is_reached: Sequence[bool]) -> float | None:
    """Return the Kaplan-Meier median; None where less than half of the runs are known to be there.

    Args:
        values: What every run took to the target, or had seen when it ended.
        is_reached: Whether it got there.
    """
    order = sorted(range(len(values)), key=lambda i: (values[i], not is_reached[i]))
    surviving = 1.0
    for rank, i in enumerate(order):
        if is_reached[i]:
            surviving *= 1 - 1 / (len(order) - rank)
        if surviving <= 0.5 + 1e-12:
            return float(values[i])
    return None


def horizon(*sides: Sequence[Outcome]) -> float | None:
    """Return the samples up to which it is known of every run when it reached the target.

    That is what the shortest run without the target has seen; without such a run, the most that any
    has. None where nothing was evaluated.
    """
    found = [x.reached for side in sides for x in side if x.reached and not x.is_diverged]
    cut = [x.seen for x in found if x.samples is None]
    return min(cut) if cut else max((x.seen for x in found), default=None)


def restricted(outcome: Outcome, end: float) -> float | None:
    """Return ln min(samples to the target, horizon); None where it was never evaluated."""
    if outcome.is_diverged:
        return math.log(end)
    if outcome.reached is None:
        return None
    samples = outcome.reached.samples
    return math.log(end if samples is None else min(samples, end))


def is_cut(outcome: Outcome, end: float) -> bool:
    """Return whether a run is not known to get to the target within the horizon."""
    found = outcome.reached
    return outcome.is_diverged or found is None or found.samples is None or found.samples > end


def resolution(side: Sequence[Outcome]) -> float | None:
    """Return the mean of ln(samples to the target / samples at the evaluation before).

    None where a run was at the target by its first evaluation: from where it came is not known.
    """
    found = [x.reached for x in side if x.reached is not None and x.reached.samples is not None]
    if any(x.samples_before <= 0 for x in found):
        return None
    steps = [math.log(x.samples / x.samples_before) for x in found if x.samples is not None]
    return float(np.mean(steps)) if steps else 0.0
