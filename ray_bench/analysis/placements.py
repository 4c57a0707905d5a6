"""Curves that differ in where their workers are, joined: what a boundary between nodes costs.

The same training at the same world size on one node and on several shows the cost of the boundary
by itself. All of them together fit the laws of two levels, which speak of nodes that nobody has
measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.analysis.fit.backtest import back_tests
from ray_bench.analysis.fit.choose import candidates_of, choose
from ray_bench.analysis.fit.combine import combine, law_weights
from ray_bench.analysis.fit.drift import Drift
from ray_bench.analysis.fit.forecast import CurveFit
from ray_bench.analysis.fit.points import Points, placed_points
from ray_bench.analysis.fit.reach import is_wide
from ray_bench.analysis.groups import Group
from ray_bench.analysis.laws.law import Law
from ray_bench.analysis.laws.place import Place
from ray_bench.analysis.laws.two_level import OF_PLACEMENTS
from ray_bench.analysis.nodes import Environments, most_on_a_node, nodes_used
from ray_bench.analysis.throughput import Blocks, throughputs_by
from ray_bench.analysis.verdict import clean_sizes
from ray_bench.config.settings import PLACEMENT
from ray_bench.records import Results, RunRecord, Scaling, known
from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate
from ray_bench.stats.log_estimate import LogEstimate
from ray_bench.stats.means import t_interval

#: A law needs so many places: one more than the simplest has parameters.
MIN_PLACES = 3
#: The same size on one node and on several says what nodes cost: a loss beyond them is no guess.
_DRIFT = Drift(loss_share=0.0)
#: The forecast goes to so many times the nodes that were measured.
FACTORS = (2, 4)

#: World size, and workers of the fullest node.
Key = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPoint:
    """What was measured, or is forecast, of some workers on some nodes."""

    world_size: int
    num_nodes: int
    workers_per_node: int
    throughput: Estimate  # samples/s
    step_time: Estimate  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What several nodes cost against one, in seconds of a step."""

    inside: PlacedPoint
    beyond: PlacedPoint
    extra: Estimate
    is_measured: bool  # at equal world sizes; else it is the law's part between nodes

    @property
    def is_found(self) -> bool:
        """Whether the cost is surely above nothing."""
        return self.extra.low is not None and self.extra.low > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Groups that differ in placement alone."""

    places: tuple[PlacedPoint, ...]
    boundaries: tuple[Boundary, ...]
    fit: CurveFit | None  # None where there are too few places, or all are on one node
    parameters: Mapping[str, Estimate]  # of the law that is taken, seconds of a step
    forecast: tuple[PlacedPoint, ...]


def joined(results: Results, groups: Sequence[Group]) -> tuple[Joined, ...]:
    """Return what groups say together that differ in placement alone; nothing of single ones."""
    alike: dict[tuple[tuple[str, str], ...], list[Group]] = {}
    for group in groups:
        alike.setdefault(_rest(group), []).append(group)
    several = [found for found in alike.values() if len(found) > 1]
    blocks = split_by_run(results.blocks) if several else {}
    made = (_joined(found, results.environments, blocks) for found in several)
    return tuple(x for x in made if x is not None)


def _rest(group: Group) -> tuple[tuple[str, str], ...]:
    return tuple((key, repr(value)) for key, value in group.key.items() if key != PLACEMENT)


def _joined(groups: Sequence[Group], environments: Environments, blocks: Blocks) -> Joined | None:
    keyed = _runs_by_place(groups, environments)
    rates = throughputs_by(lambda run: keyed[run], list(keyed), blocks)
    if len({key[1] for key in rates}) < 2:
        return None
    point = next(iter(keyed)).point
    batches = _Batches(
        known(point.scaling),
        known(point.local_batch_size if point.scaling == "weak" else point.global_batch_size),
    )
    points = {key: batches.placed(key, rate.estimate) for key, rate in rates.items()}
    places = tuple(sorted(points.values(), key=lambda x: (x.world_size, x.num_nodes)))
    fit = _fit(rates, known(point.scaling))
    first_batch = batches.local(min(n for n, _ in rates))
    crossing = [] if fit is None else _crossing(fit, places, first_batch)
    return Joined(
        places=places,
        boundaries=(*_same_size(points, rates), *crossing),
        fit=fit,
        parameters={} if fit is None else _parameters(fit, first_batch),
        forecast=() if fit is None else _forecast(fit, places, batches),
    )


def _runs_by_place(groups: Sequence[Group], environments: Environments) -> dict[RunRecord, Key]:
    """Return the runs that carry a claim, with their places; those whose place is unknown are out.

    A place that its fullest node does not describe (4 workers as 2, 1 and 1) is left out too.
    """
    cleans = [(group, set(clean_sizes(group.runs))) for group in groups]
    claimed = [r for group, clean in cleans for r in group.timed if r.point.world_size in clean]
    held = {run: most_on_a_node(run, environments) for run in claimed}
    return {
        run: (run.point.world_size, most)
        for run, most in held.items()
        if most and nodes_used(run, environments) == math.ceil(run.point.world_size / most)
    }


@dataclass(frozen=True, slots=True)
class _Batches:
    scaling: Scaling
    fixed: int  # the batch that is: global, or of a worker

    def of_all(self, world_size: int) -> float:
        return float(self.fixed * world_size if self.scaling == "weak" else self.fixed)

    def local(self, world_size: int) -> float:
        return self.of_all(world_size) / world_size

    def placed(self, key: Key, rate: Estimate) -> PlacedPoint:
        size, held = key
        return PlacedPoint(
            world_size=size,
            num_nodes=math.ceil(size / held),
            workers_per_node=held,
            throughput=rate,
            step_time=rate.mapped(lambda x: self.of_all(size) / x),
        )


def _fit(rates: Mapping[Key, LogEstimate], scaling: Scaling) -> CurveFit | None:
    """Fit the laws of two levels that such places can tell apart."""
    points = placed_points(rates, scaling)
    if len(points) < MIN_PLACES or not points.place.has_many_nodes:
        return None
    laws = [law for law in OF_PLACEMENTS if _is_told(law, points)]
    if not laws:
        return None
    tests = back_tests(laws, points, _DRIFT)
    candidates = candidates_of(tests, law_weights(tests, points), points)
    return CurveFit(
        points=points,
        drift=_DRIFT,
        candidates=candidates,
        chosen=choose(candidates, points),
        spoilers=(),
        refused=(),
    )


def _is_told(law: Law, points: Points) -> bool:
    """Whether there are more places than parameters, and each parameter changes something else."""
    columns = np.stack(law.terms(points.place), axis=1)
    rank = int(np.linalg.matrix_rank(columns))
    return law.num_parameters < len(points) and rank == law.num_parameters


def _parameters(fit: CurveFit, first_batch: float) -> dict[str, Estimate]:
    # A law speaks of the cost of a sample; a step has as many as a worker's first batch.
    if fit.chosen is None:
        return {}
    taken = fit.chosen
    names = (parameter.name for parameter in taken.test.law.parameters)
    return {name: taken.fit.parameter(name).scaled(first_batch) for name in names}


def _same_size(
    points: Mapping[Key, PlacedPoint], rates: Mapping[Key, LogEstimate]
) -> list[Boundary]:
    """Return the cost of several nodes at every world size that was also measured on one."""
    found = []
    for key in sorted(points, key=lambda x: (x[0], -x[1])):
        on_one = (key[0], key[0])
        if key != on_one and on_one in points:
            parts = [(points[x].step_time.value, rates[x]) for x in (key, on_one)]
            found.append(
                Boundary(
                    inside=points[on_one],
                    beyond=points[key],
                    extra=difference(*parts),
                    is_measured=True,
                )
            )
    return found


def difference(first: tuple[float, LogEstimate], other: tuple[float, LogEstimate]) -> Estimate:
    """Return the difference of two step times, with Welch's t-interval."""
    parts = [
        (seconds**2 * rate.part[0], rate.part[1])
        for seconds, rate in (first, other)
        if rate.part is not None
    ]
    return t_interval(first[0] - other[0], parts if len(parts) == 2 else [])


def _crossing(fit: CurveFit, places: Sequence[PlacedPoint], first_batch: float) -> list[Boundary]:
    """Return what the law says of the first world size that needs a second node."""
    inside = [x for x in places if x.num_nodes == 1]
    last = inside[-1] if inside else None
    beyond = [x for x in places if x.num_nodes > 1 and last and x.world_size > last.world_size]
    if last is None or not beyond or fit.chosen is None:
        return []
    law = fit.chosen.test.law
    assert isinstance(law, Law), "all laws of two levels are sums"
    there = Place(
        world_size=np.array([float(beyond[0].world_size)]),
        batch_share=np.ones(1),
        workers_per_node=beyond[0].workers_per_node,
    )
    names = [parameter.name for parameter in law.parameters]
    times = float(law.terms(there)[names.index("between_nodes")][0])
    extra = fit.chosen.fit.parameter("between_nodes").scaled(times * first_batch)
    return [Boundary(inside=last, beyond=beyond[0], extra=extra, is_measured=False)]


def _forecast(
    fit: CurveFit, places: Sequence[PlacedPoint], batches: _Batches
) -> tuple[PlacedPoint, ...]:
    """Return the forecast for more nodes, as full as those that were measured together.

    Where an interval says nothing, there is none.
    """
    nodes: dict[int, int] = {}
    for x in places:
        if x.num_nodes > 1:
            nodes[x.workers_per_node] = max(x.num_nodes, nodes.get(x.workers_per_node, 0))
    keys = [(held * count * by, held) for held, count in sorted(nodes.items()) for by in FACTORS]
    keys = [key for key in keys if batches.local(key[0]) >= 1]
    if not keys or fit.points.variance is None:
        return ()
    sizes, held = (np.array(x, dtype=float) for x in zip(*keys, strict=True))
    share = np.array([batches.local(n) for n, _ in keys])
    place = Place(
        world_size=sizes,
        batch_share=share / batches.local(round(float(fit.points.place.world_size[0]))),
        workers_per_node=held,
    )
    tests = [x.test for x in fit.candidates]
    weights = np.array([x.weight for x in fit.candidates])
    mixture = combine(tests, weights, fit.points, place, fit.drift)
    rates = mixture.rates([n for n, _ in keys], COVERAGE_FRAC)
    found = zip(keys, rates, strict=True)
    return tuple(batches.placed(key, rate) for key, rate in found if not is_wide(rate))
