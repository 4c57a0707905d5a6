"""Where the efficiency goes: from ideal scaling to the measured one, in steps that add up.

Ideal scaling from the baseline b gives a step T_ideal = T_b (b / N) (B_N / B_b), B the global
batch, and E = T_ideal / T_N, so that

    1 - E = (T_N - T_ideal) / T_N = sum over causes of (seconds lost to the cause) / T_N

The seconds of a cause are those of `losses.attributed`, from the phase pass; negative ones are
gains. What is left between the phase pass and the throughput pass, and what no phase explains, is
`unexplained`, which closes the sum. Over a whole run start-up S counts too, ideally b / N of the
baseline's, W = S + training:

    1 - E_run = (W_N - W_b b / N) / W_N
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from ray_bench.analysis.batches import batch_by_size
from ray_bench.analysis.curve import Curve
from ray_bench.analysis.losses import Bottleneck, Steps, attributed
from ray_bench.analysis.phase_spread import LostSpread, Sampled, sampled
from ray_bench.analysis.stragglers import COMPUTE_PHASES, INPUT_PHASES
from ray_bench.analysis.times import TimeRow
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate
from ray_bench.stats.means import Part, mean_variance, t_interval, t_quantile

Tables = Mapping[str, Mapping[str, np.ndarray]]

#: A variance of points below this is rounding: 1e-12 of a point, squared.
_ROUNDING = 1e-28
#: Degrees of freedom of an interval that is taken for that of a normal.
_NORMAL_DF = 1e6


class Cause(Enum):
    """What the efficiency goes to, in the order in which it is told."""

    DATA_WAIT = "data_wait"
    SKEW = "skew"
    TRANSFER = "exposed_transfer"
    CONTENTION = "contention"
    OPTIMIZER_AND_HOST = "optimizer_and_host"
    BATCH_TOO_SMALL = "batch_too_small"
    START_UP = "start_up"
    UNEXPLAINED = "unexplained"


_CAUSES = {
    Bottleneck.INPUT: Cause.DATA_WAIT,
    Bottleneck.SKEW: Cause.SKEW,
    Bottleneck.STRAGGLER: Cause.SKEW,
    Bottleneck.COMMUNICATION: Cause.TRANSFER,
    Bottleneck.LATENCY: Cause.TRANSFER,
    Bottleneck.CONTENTION: Cause.CONTENTION,
    Bottleneck.OPTIMIZER: Cause.OPTIMIZER_AND_HOST,
    Bottleneck.HOST: Cause.OPTIMIZER_AND_HOST,
    Bottleneck.BATCH_TOO_SMALL: Cause.BATCH_TOO_SMALL,
}


def cause_of(kind: Bottleneck) -> Cause | None:
    """Return what the waterfall calls a bottleneck; None where it has no name for it."""
    return _CAUSES.get(kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """One step of the waterfall."""

    cause: Cause
    points: Estimate  # share of the efficiency that is lost, 0.01 is one point; below 0: gained
    seconds: float  # per step; of start-up per run


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """One world size. A cause that cannot be known from what was measured is not in `falls`."""

    world_size: int
    efficiency_frac: Estimate
    falls: tuple[Fall, ...]
    over_run: Waterfall | None = None  # start-up counted; None where it is not known
    train_s: float | None = None  # of a run with the baseline's amount of data

    @property
    def lost_frac(self) -> float:
        """1 - E: the points of all falls add up to it."""
        return 1 - self.efficiency_frac.value


def waterfalls(
    runs: Sequence[RunRecord],
    curve: Curve,
    times: Sequence[TimeRow],
    steps: Steps,
    phases: Tables,
) -> tuple[Waterfall, ...]:
    """Return a waterfall for every measured world size but the smallest, the baseline.

    Args:
        runs: Of one group of comparable runs.
        curve: Their throughput.
        times: Their times, the baseline first.
        steps: What the phase pass saw.
        phases: Phase records by run.
    """
    sizes = curve.sizes
    units = {n: sampled([r for r in runs if r.point.world_size == n], phases) for n in sizes}
    by_size = {row.world_size: row for row in times}
    found = (_waterfall(runs, curve, n, steps, units) for n in sizes[1:])
    return tuple(_with_run(x, runs, by_size, sizes[0]) for x in found)


def _waterfall(
    runs: Sequence[RunRecord],
    curve: Curve,
    size: int,
    steps: Steps,
    units: Mapping[int, Sampled],
) -> Waterfall:
    base = curve.sizes[0]
    batch = batch_by_size(runs)
    step_s = batch[size] / curve.throughput[size].estimate.value
    is_weak = runs[0].point.scaling == "weak"
    spread = LostSpread(units[size], units[base], base / size * batch[size] / batch[base])
    falls = []
    for cause, value in _seconds(steps, base, size, is_weak=is_weak).items():
        parts = _parts(cause, spread, steps, size, is_weak=is_weak)
        points = _estimate(value / step_s, _relative(parts, step_s))
        falls.append(Fall(cause=cause, points=points, seconds=value))
    ratio = curve.ratio(size, base)
    efficiency = ratio.estimate.scaled(base / size)
    rest = math.fsum([1, -efficiency.value, *(-fall.points.value for fall in falls)])
    points = _estimate(rest, _rest_parts(ratio, efficiency, falls, spread, step_s))
    falls.append(Fall(cause=Cause.UNEXPLAINED, points=points, seconds=rest * step_s))
    return Waterfall(world_size=size, efficiency_frac=efficiency, falls=tuple(falls))


def _rest_parts(
    ratio: LogEstimate,
    efficiency: Estimate,
    falls: Sequence[Fall],
    spread: LostSpread,
    step_s: float,
) -> list[Part]:
    """Return what makes the rest uncertain: the efficiency, and all sampled phases together."""
    if ratio.variance is None or ratio.df is None:
        return []
    own = (ratio.variance * efficiency.value**2, ratio.df)
    if not falls:
        return [own]
    sampled_parts = _relative(spread.of(spread.names), step_s)
    return [own, *sampled_parts] if sampled_parts else []


def _relative(parts: Sequence[Part], step_s: float) -> list[Part]:
    return [(variance / step_s**2, df) for variance, df in parts]


def _seconds(steps: Steps, base: int, size: int, *, is_weak: bool) -> dict[Cause, float]:
    """Return seconds per step by cause, in the order of `Cause`; empty without sampled steps."""
    if not steps.has_phases(base, size):
        return {}
    found: dict[Cause, float] = {}
    for loss in attributed(steps, base, size, is_weak=is_weak):
        cause = _CAUSES.get(loss.kind)
        if cause is not None:
            found[cause] = found.get(cause, 0.0) + loss.seconds
    return {cause: found[cause] for cause in Cause if cause in found}


def _parts(
    cause: Cause, spread: LostSpread, steps: Steps, size: int, *, is_weak: bool
) -> Sequence[Part]:
    """Return what makes the seconds of a cause uncertain; nothing where that is not known."""
    lags = steps.lags.get(size, ())
    waits_for_input = bool(lags) and lags[0].is_input
    sync = steps.syncs.get(size)
    contention = sync.contention if sync is not None and sync.is_contention_seen else None
    beside: Sequence[Part] | None = () if contention is None else _known(contention)
    if cause is Cause.CONTENTION:
        return beside or ()
    compute = (*COMPUTE_PHASES, *(("optimizer",) if is_weak else ()))
    names = {
        Cause.DATA_WAIT: (*INPUT_PHASES, *(("skew_wait",) if waits_for_input else ())),
        Cause.SKEW: () if waits_for_input else ("skew_wait",),
        Cause.TRANSFER: ("exposed_comm",),
        Cause.OPTIMIZER_AND_HOST: compute if is_weak else ("optimizer",),
        Cause.BATCH_TOO_SMALL: COMPUTE_PHASES,
    }[cause]
    own = spread.of(names)
    has_compute = COMPUTE_PHASES[0] in names
    if not own or not has_compute or contention is None:
        return own
    return [*own, *beside] if beside else []


def _known(value: Estimate) -> list[Part]:
    """Return the variance of a mean from its interval, as that of a normal."""
    if value.low is None or value.high is None:
        return []
    return [(((value.high - value.low) / 2 / t_quantile(_NORMAL_DF)) ** 2, _NORMAL_DF)]


def _estimate(value: float, parts: Sequence[Part]) -> Estimate:
    """Return a value with a t-interval (Welch's degrees of freedom); without one if unknown."""
    if not parts:
        return Estimate(value)
    seen = [part for part in parts if part[0] > _ROUNDING]
    if not seen:
        return Estimate(value, value, value)
    return t_interval(value, seen)


def _with_run(
    found: Waterfall, runs: Sequence[RunRecord], times: Mapping[int, TimeRow], base: int
) -> Waterfall:
    """Return the waterfall with the same over a whole run, start-up counted."""
    row, epochs = times.get(found.world_size), times[base].num_epochs
    if row is None or row.epoch is None or not epochs:
        return found
    train_s = epochs * row.epoch.estimate.value
    setup, ideal = (
        np.array([x.startup_s for x in runs if x.point.world_size == n and x.startup_s is not None])
        for n in (found.world_size, base)
    )
    over = None
    if len(setup) and len(ideal):
        over = _over_run(found, train_s, setup, ideal * base / found.world_size)
    return Waterfall(
        world_size=found.world_size,
        efficiency_frac=found.efficiency_frac,
        falls=found.falls,
        over_run=over,
        train_s=train_s,
    )


def _over_run(found: Waterfall, train_s: float, setup: np.ndarray, ideal: np.ndarray) -> Waterfall:
    whole_s = train_s + float(setup.mean())
    share = train_s / whole_s
    seconds = float(setup.mean() - ideal.mean())
    spreads = [mean_variance(x) for x in (setup, ideal)]
    parts = [(v / whole_s**2, df) for v, df in (x for x in spreads if x is not None)]
    start = _estimate(seconds / whole_s, parts if len(parts) == len(spreads) else [])
    falls = [
        Fall(cause=x.cause, points=x.points.scaled(share), seconds=x.seconds) for x in found.falls
    ]
    falls.insert(-1, Fall(cause=Cause.START_UP, points=start, seconds=seconds))
    return Waterfall(
        world_size=found.world_size,
        efficiency_frac=found.efficiency_frac.mapped(
            lambda x: 1 - share * (1 - x) - seconds / whole_s
        ),
        falls=tuple(falls),
        train_s=whole_s,
    )
