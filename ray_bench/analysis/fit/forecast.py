"""A curve with its law, its competitors, and a forecast for any world size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.analysis.fit.backtest import back_tests
from ray_bench.analysis.fit.choose import Candidate, candidates_of, choose
from ray_bench.analysis.fit.combine import Mixture, combine, law_weights
from ray_bench.analysis.fit.drift import Drift
from ray_bench.analysis.fit.points import Points
from ray_bench.analysis.fit.reach import Unknown, unknown
from ray_bench.analysis.fit.shapes import Spoiler, spoilers
from ray_bench.analysis.fit.slip import Slip, slips
from ray_bench.analysis.laws.catalog import AnyLaw, laws_for
from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate

#: The default forecast: doublings of the largest measured world size, up to this factor.
MAX_FACTOR = 8
#: Standard deviations of noise by which throughput has to fall.
_SURE_SIGMAS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One world size. Intervals are where one new run would lie, the law's own error included."""

    world_size: int
    throughput: Estimate  # in the unit of the points
    speedup: Estimate  # against the smallest measured world size
    efficiency: Estimate
    is_measured: bool
    is_extrapolated: bool
    crosses_boundary: bool  # needs a second node, and no measurement had one
    unknown: Unknown | None  # why the numbers say nothing; None where they do


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFit:
    """What the points say."""

    points: Points
    drift: Drift
    candidates: tuple[Candidate, ...]  # the largest weight first
    chosen: Candidate | None  # None: no law fits, or none can be tested
    spoilers: tuple[Spoiler, ...]
    refused: tuple[AnyLaw, ...]  # as many parameters as points, or more
    slips: tuple[Slip, ...] = ()  # where the unit may be another one: nothing is forecast then

    @property
    def is_tested(self) -> bool:
        """Whether a law with more than a level could be tried against a point."""
        return len(self.points) > 2

    @property
    def is_falling(self) -> bool:
        """Whether no law fits and the largest world size has less throughput than the one before.

        Nothing says then that still more workers win it back: no forecast beyond is higher
        (the naive forecast: Hyndman and Athanasopoulos 2021, Forecasting, section 5.2).
        """
        if self.chosen is not None or not self.is_tested:
            return False
        noise = math.sqrt(float(self.points.noise[-2:].sum()))
        before, last = self.points.log_throughput[-2:]
        return bool(last < before - _SURE_SIGMAS * noise)

    def mixture(self, world_sizes: Sequence[float]) -> Mixture:
        """Return ln cost of a new run at some world sizes."""
        tests = [x.test for x in self.candidates]
        weights = np.array([x.weight for x in self.candidates])
        sizes = np.array(world_sizes)
        found = combine(tests, weights, self.points, self.points.at(sizes), self.drift)
        if not self.is_falling:
            return found
        largest, last = self.points.place.world_size[-1], self.points.log_throughput[-1]
        least = np.where(sizes > largest, np.log(sizes) - last, -np.inf)
        return replace(found, centers=np.maximum(found.centers, least))

    def forecast(
        self, world_sizes: Sequence[int], level: float = COVERAGE_FRAC
    ) -> tuple[Forecast, ...]:
        """Return the forecast at some world sizes; how far it reaches depends on no level."""
        mixture = self.mixture(world_sizes)
        rates = mixture.rates(world_sizes, level)
        usual = mixture.rates(world_sizes, COVERAGE_FRAC)
        return tuple(self._row(*row) for row in zip(world_sizes, rates, usual, strict=True))

    def crosses_boundary(self, world_size: float) -> bool:
        """Whether a world size needs a second node and no measurement had one."""
        place = self.points.place
        there = self.points.at(np.array([world_size]))
        return there.has_many_nodes and not place.has_many_nodes

    def _row(self, size: int, rate: Estimate, usual: Estimate) -> Forecast:
        sizes = self.points.place.world_size
        crosses = self.crosses_boundary(size)
        baseline, first = math.exp(float(self.points.log_throughput[0])), float(sizes[0])
        return Forecast(
            world_size=size,
            throughput=rate,
            speedup=rate.scaled(1 / baseline),
            efficiency=rate.scaled(first / (baseline * size)),
            is_measured=bool((sizes == size).any()),
            is_extrapolated=bool(size > sizes[-1] or size < sizes[0]),
            crosses_boundary=crosses,
            unknown=unknown(
                usual,
                size,
                tuple(sizes.tolist()),
                has_slip=bool(self.slips),
                crosses_boundary=crosses,
            ),
        )


def fit_curve(
    points: Points, drift: Drift | None = None, *, is_unit_sure: bool = False
) -> CurveFit:
    """Try every law on the points, choose one, and weigh them for the forecast.

    Args:
        points: At least two.
        drift: How far laws may be wrong; by default as in `Drift`.
        is_unit_sure: Whether this program measured the points: then no unit can have slipped.
    """
    drift = drift or Drift()
    laws = laws_for(points.place, points.mode)
    tried = [law for law in laws if _is_tried(law, len(points))]
    tests = back_tests(tried, points, drift)
    candidates = candidates_of(tests, law_weights(tests, points), points)
    sizes, rates = points.place.world_size, np.exp(points.log_throughput)
    slipped = () if is_unit_sure else slips(sizes.tolist(), rates.tolist())
    is_tested = len(points) > 2 and not slipped
    return CurveFit(
        points=points,
        drift=drift,
        candidates=candidates,
        chosen=choose(candidates, points) if is_tested else None,
        spoilers=() if slipped else spoilers(candidates, points),
        refused=tuple(law for law in laws if law.num_parameters >= len(points)),
        slips=slipped,
    )


def reached(rows: Sequence[Forecast]) -> tuple[Forecast, ...]:
    """Return the rows of ascending world sizes before the first one of which nothing is known."""
    return tuple(itertools.takewhile(lambda x: x.unknown is None, rows))


def default_sizes(points: Points) -> tuple[int, ...]:
    """Return doublings of the largest measured world size."""
    largest = round(float(points.place.world_size[-1]))
    return tuple(largest * 2**i for i in range(1, MAX_FACTOR.bit_length()))


def _is_tried(law: AnyLaw, num_points: int) -> bool:
    # Two points test no law, but laws through both say how far apart the truths may be.
    return law.num_parameters < num_points or (num_points == 2 and law.num_parameters == 2)
