"""Points that stand out of a curve: an outlier, a cliff, a plateau."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.fit.choose import MAX_MISS, MAX_SIGMAS, Candidate, fits
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.points import Points

#: outlier: without the point a law fits. cliff: a sample costs much more from there on. plateau:
#: more workers, no more throughput.
Trouble = Literal["outlier", "cliff", "plateau"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """A point that stands out."""

    world_size: float
    before: float | None  # the world size before it
    trouble: Trouble
    change: float  # relative, of what it stands out by


def spoilers(candidates: Sequence[Candidate], points: Points) -> tuple[Spoiler, ...]:
    """Return the points that stand out, also where a law with a term for them fits."""
    found = [*_cliffs(points), *_plateaus(points)]
    if not any(fits(x.fit) for x in candidates):
        lone = _outlier(candidates, points)
        if lone and lone.world_size not in {x.world_size for x in found}:
            found.append(lone)
        if not found:
            least = min(candidates, key=lambda x: x.worst_miss)
            worst = int(np.abs(least.fit.residuals).argmax())
            miss = math.expm1(float(least.fit.residuals[worst]))
            found = [_spoiler(points, worst, "outlier", miss)]
    return tuple(found)


def _spoiler(points: Points, index: int, trouble: Trouble, change: float) -> Spoiler:
    sizes = points.place.world_size
    return Spoiler(
        world_size=float(sizes[index]),
        before=float(sizes[index - 1]) if index else None,
        trouble=trouble,
        change=change,
    )


def _outlier(candidates: Sequence[Candidate], points: Points) -> Spoiler | None:
    """Return the point without which some law fits best, if one fits at all."""
    best: tuple[float, int, float] | None = None
    for i in range(len(points)):
        others = points.take(np.arange(len(points)) != i)
        for law in (x.test.law for x in candidates):
            if law.num_parameters >= len(others) - 1 or not law.applies(others.place, others.mode):
                continue
            fit = fit_law(law, others, num_draws=0)
            miss = float(np.abs(fit.residuals).max())
            if fits(fit) and (best is None or miss < best[0]):
                there = law.log_cost(fit.coefficients[None], points.place)[0][i]
                best = miss, i, math.expm1(float(there - points.log_cost[i]))
    return None if best is None else _spoiler(points, best[1], "outlier", best[2])


def _cliffs(points: Points) -> list[Spoiler]:
    """Return where a sample suddenly costs more, per doubling and against the other steps."""
    steps = np.diff(points.log_cost)
    found = []
    for i, step in enumerate(steps):
        others = np.delete(steps, i)
        usual = max(0.0, float(np.median(others))) if len(others) else 0.0
        noise = MAX_SIGMAS * math.sqrt(points.noise[i] + points.noise[i + 1])
        if step > max(MAX_MISS, 3 * usual, noise) and not _is_flat(points, i):
            found.append(_spoiler(points, i + 1, "cliff", -math.expm1(-float(step))))
    return found


def _plateaus(points: Points) -> list[Spoiler]:
    rows = range(len(points) - 1)
    growth = np.diff(points.log_throughput)
    return [
        _spoiler(points, i + 1, "plateau", math.expm1(float(growth[i])))
        for i in rows
        if _is_flat(points, i)
    ]


def _is_flat(points: Points, index: int) -> bool:
    """Whether throughput stands still while the workers become half as many again or more."""
    more = points.place.world_size[index + 1] / points.place.world_size[index]
    growth = float(np.diff(points.log_throughput)[index])
    return more >= 1.5 and abs(growth) < 0.1 * math.log(more)
