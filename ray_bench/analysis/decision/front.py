"""Which world sizes are worth their money: the Pareto front of time against worker-time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.decision.choose import Field
from ray_bench.analysis.fit.law_fit import interval
from ray_bench.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """A world size that no other one beats in both time and worker-time."""

    world_size: int
    before: int | None  # the next slower and cheaper one on the front
    worker_s_per_s: Estimate | None  # worker-seconds that a saved second costs against `before`


def front(field: Field) -> tuple[FrontPoint, ...]:
    """Return the front by the point estimates, the slowest and cheapest first.

    Between neighbours a saved second costs (N_2 T_2 - N_1 T_1) / (T_1 - T_2) worker-seconds.
    Without the samples of a run, times are those of one sample: the ratio is the same. Its
    interval is left out where the draws do not show that time is saved at all.
    """
    time, work = _of(field, field.log_rate)
    kept = pareto([float(x) for x in time], [float(x) for x in work])
    times, works = _of(field, field.draws)
    points = []
    for k, i in enumerate(kept):
        before = kept[k - 1] if k else None
        points.append(
            FrontPoint(
                world_size=field.sizes[i],
                before=None if before is None else field.sizes[before],
                worker_s_per_s=None
                if before is None
                else _rate(
                    float((work[i] - work[before]) / (time[before] - time[i])),
                    works[:, i] - works[:, before],
                    times[:, before] - times[:, i],
                ),
            )
        )
    return tuple(points)


def pareto(time: Sequence[float], money: Sequence[float]) -> list[int]:
    """Return the indices that no other beats or equals in both, the slowest first."""
    order = sorted(range(len(time)), key=lambda i: (time[i], money[i]))
    kept: list[int] = []
    for i in order:
        if not kept or money[i] < money[kept[-1]]:
            kept.append(i)
    return kept[::-1]


def _of(field: Field, log_rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    samples = 1.0 if field.samples is None else field.samples
    time = samples * np.exp(-log_rate)
    return time, time * np.array(field.sizes, dtype=float)


#: Draws in which a larger world size may take longer, for an interval to be given all the same.
_MAX_SLOWER_FRAC = 0.025


def _rate(value: float, dearer: np.ndarray, saved: np.ndarray) -> Estimate:
    if (saved <= 0).mean() > _MAX_SLOWER_FRAC:
        return Estimate(value)
    with np.errstate(divide="ignore"):
        rates = np.where(saved > 0, dearer / saved, np.inf)
    found = interval(value, rates)
    return found if found.high is not None and np.isfinite(found.high) else Estimate(value)
