"""Points that stand out of a curve, as shapes: what the points say, and nothing of its cause.

Steps are looked at per doubling of the workers, so that a gap between world sizes is no cliff. A
cliff costs a sample more than the other doublings show, and more than the fastest growth of any
smooth law (coherency, as in `nodes.py`) makes of the two world sizes before it. The step from one
worker to several is another one: communication begins there, whatever the machine. Where a later
world size is back towards the level before, the point is an outlier: what workers share does not
give way and come back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ray_bench.analysis.fit.choose import MAX_MISS, MAX_SIGMAS, Candidate, fits
from ray_bench.analysis.fit.law_fit import fit_law
from ray_bench.analysis.fit.points import Points

#: A step per doubling stands out if it is so many times that of the median of the others.
_ABOVE_OTHERS = 3.0
#: Throughput that changes by less than this share of what ideal growth would, in logs, is flat;
#: where it surely falls, it is no plateau all the same.
_FLAT_FRAC = 0.1
#: Steps in which the workers grow by less show no plateau.
_MIN_GROWTH = 1.5
#: A later point shows an outlier if it is back by this share of a step.
_BACK_FRAC = 1 / 3
#: Standard deviations of noise by which a fall, and what is beyond smooth growth, are sure.
_SURE_SIGMAS = 2.0

#: outlier: off the curve of the others. first_step: the step from one worker costs more than later
#: doublings. cliff: a sample costs much more from there on. plateau: more workers, no more
#: throughput. fall: less throughput, without a cliff.
Trouble = Literal["outlier", "first_step", "cliff", "plateau", "fall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """A point that stands out."""

    world_size: float
    before: float | None  # the world size before it
    trouble: Trouble
    #: Relative: of an outlier against the others' curve, of a cliff or first step the loss of each
    #: worker, of a plateau or fall the change of throughput.
    change: float
    nodes: tuple[int, int] | None = None  # before and there; None: unknown how many a node holds
    is_end: bool = False  # the smallest or the largest world size


def spoilers(candidates: Sequence[Candidate], points: Points) -> tuple[Spoiler, ...]:
    """Return the points that stand out, also where a law with a term for them fits."""
    found = _joined([x for i in range(len(points) - 1) if (x := _of_step(points, i))])
    if found or any(fits(x.fit) for x in candidates):
        return tuple(found)
    lone = _outlier(candidates, points)
    return () if lone is None else (lone,)


def _of_step(points: Points, index: int) -> Spoiler | None:
    """Return what stands out of the step from a point to the next one."""
    trouble = _trouble(points, index)
    if trouble is None:
        return None
    after = index + 1
    if index and _is_restored(points, index):
        return _spoiler(points, index, "outlier", _off_line(points, index, index - 1, after))
    back = _recovery(points, index)
    if back is not None:
        return _spoiler(points, after, "outlier", _off_line(points, after, index, back))
    growth = float(np.diff(points.log_throughput)[index])
    loss = -math.expm1(-float(np.diff(points.log_cost)[index]))
    is_loss = trouble in ("cliff", "first_step")
    return _spoiler(points, after, trouble, loss if is_loss else math.expm1(growth))


def _trouble(points: Points, index: int) -> Trouble | None:
    if _is_flat(points, index):
        return "fall" if _is_fall(points, index) else "plateau"
    if _is_steep(points, index):
        if points.place.world_size[index] == 1:
            return "first_step"
        if _is_beyond_smooth(points, index):
            return "cliff"
    return "fall" if _is_fall(points, index) else None


def _is_steep(points: Points, index: int) -> bool:
    """Whether a step costs much more per doubling than the others, of which there must be some."""
    steps = np.diff(points.log_cost)
    slopes = steps / np.diff(np.log2(points.place.world_size))
    others = np.delete(slopes, index)
    if not len(others):
        return False
    usual = max(0.0, float(np.median(others)))
    noise = MAX_SIGMAS * math.sqrt(points.noise[index] + points.noise[index + 1])
    return bool(slopes[index] > max(MAX_MISS, _ABOVE_OTHERS * usual) and steps[index] > noise)


def _is_beyond_smooth(points: Points, index: int) -> bool:
    """Whether a step is more than coherency can make of the two points before it."""
    if index == 0:
        return True
    before, last, first = (float(n) for n in points.place.world_size[index - 1 : index + 2])
    growth = (_pairs(first) - _pairs(last)) / (_pairs(last) - _pairs(before))
    cost = np.exp(points.log_cost[index - 1 : index + 2] - points.log_cost[index])
    most = 1 + growth * max(0.0, 1 - float(cost[0]))
    parts = np.array([growth * cost[0], 1 + growth, cost[2]])
    noise = math.sqrt(float((parts**2 * points.noise[index - 1 : index + 2]).sum()))
    return bool(cost[2] - most > _SURE_SIGMAS * noise)


def _pairs(world_size: float) -> float:
    return world_size * (world_size - 1)


def _is_flat(points: Points, index: int) -> bool:
    """Whether throughput stands still while the workers become half as many again or more."""
    more = points.place.world_size[index + 1] / points.place.world_size[index]
    growth = float(np.diff(points.log_throughput)[index])
    return more >= _MIN_GROWTH and abs(growth) < _FLAT_FRAC * math.log(more)


def _is_fall(points: Points, index: int) -> bool:
    growth = float(np.diff(points.log_throughput)[index])
    noise = math.sqrt(points.noise[index] + points.noise[index + 1])
    return growth < -_SURE_SIGMAS * noise


def _is_restored(points: Points, index: int) -> bool:
    """Whether a step only undoes a gain of the one before: the point between is too fast."""
    gained, lost = -np.diff(points.log_cost[index - 1 : index + 1]), np.diff(points.log_cost)[index]
    return bool(gained[0] > lost / 2)


def _recovery(points: Points, index: int) -> int | None:
    """Return the first later point that is back by a third of a step, None if none is.

    Where neither batch was fixed, a larger one costs less a sample: such a point shows nothing.
    """
    cost, share = points.log_cost, points.place.batch_share
    level = cost[index + 1] - _BACK_FRAC * (cost[index + 1] - cost[index])
    for later in range(index + 2, len(points)):
        is_like = points.mode != "mixed" or share[later] <= share[index + 1]
        if is_like and cost[later] < level:
            return later
    return None


def _off_line(points: Points, index: int, left: int, right: int) -> float:
    """Return throughput against the straight line in logs between two others, less 1."""
    there, a, b = (math.log(points.place.world_size[i]) for i in (index, left, right))
    share = (there - a) / (b - a)
    line = points.log_cost[left] * (1 - share) + points.log_cost[right] * share
    return math.expm1(float(line - points.log_cost[index]))


def _joined(found: Sequence[Spoiler]) -> list[Spoiler]:
    """Return the steps with plateaus that follow each other as one, and each outlier once."""
    kept: list[Spoiler] = []
    for x in found:
        last = kept[-1] if kept else None
        if last and last.trouble == x.trouble == "outlier" and last.world_size == x.world_size:
            continue
        if last and last.trouble == x.trouble == "plateau" and last.world_size == x.before:
            nodes = None if last.nodes is None or x.nodes is None else (last.nodes[0], x.nodes[1])
            change = (1 + last.change) * (1 + x.change) - 1
            kept[-1] = replace(x, before=last.before, change=change, nodes=nodes)
        else:
            kept.append(x)
    return kept


def _spoiler(points: Points, index: int, trouble: Trouble, change: float) -> Spoiler:
    sizes, nodes = points.place.world_size, points.place.num_nodes
    is_known = points.place.workers_per_node is not None and index > 0
    return Spoiler(
        world_size=float(sizes[index]),
        before=float(sizes[index - 1]) if index else None,
        trouble=trouble,
        change=change,
        nodes=(int(nodes[index - 1]), int(nodes[index])) if is_known else None,
        is_end=index in (0, len(points) - 1),
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
