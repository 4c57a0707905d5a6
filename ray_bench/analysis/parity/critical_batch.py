"""The critical batch, measured: what a target takes against the global batch.

    E = E0 (1 + B / Bc)        samples or epochs to the target
    S = S0 (1 + Bc / B)        steps, S = E / B, S0 = E0 / Bc

(McCandlish et al. 2018, arXiv:1812.06162, section 2.3; E0 is what the smallest batches need, S0 the
fewest steps, and at Bc both are twice their least.) It supposes that the learning rate is right at
every batch. E is linear in B: least squares over the batches, as the critical batches of MLPerf's
reference runs are published.

Where the noise of the means is known, from seeds, the intervals are of that noise, every batch's by
itself, and the form is refused where it misses the means by more than the noise explains. Of means
alone, as they are published, noise and errors of the form are taken to be a share of E, the same at
every batch, that the fit itself shows; the form is then refused where it misses one by 10 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from ray_bench.analysis.parity.batch_line import ALPHA, Line, fit_line, ratio
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import Part

#: Two parameters, and one batch that can contradict them.
MIN_BATCHES = 3
#: Of means without a known noise: the form is refused where it misses a batch by more.
MAX_RESIDUAL_FRAC = 0.10
#: With a known noise it is refused where that does not explain the misfit, unless the misfit is so
#: small: no form is exact, and the intervals are widened for it instead.
_SMALL_RESIDUAL_FRAC = 0.02
#: Predicted up to so many times beyond the measured batches, on either side.
MAX_FACTOR = 2.0


class Refusal(Enum):
    """Why there is no critical batch."""

    FEW_BATCHES = "few_batches"
    NOT_DESCRIBED = "not_described"  # the form misses a batch by more than it may
    NO_GROWTH = "no_growth"  # a larger batch is not shown to need more
    NO_LEAST = "no_least"  # the fewest samples are not told from 0: all batches are far above Bc


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalBatch:
    """The fit. Costs are in the unit that they were given in."""

    batch: tuple[float, ...]
    cost: tuple[float, ...]
    refusal: Refusal | None
    noise: tuple[Part, ...] | None = None  # variance of ln cost and its degrees of freedom
    widening: float = 1.0  # of intervals, where the data chose what the costs are of
    max_residual_frac: float | None = None  # of a measured cost
    p_misfit: float | None = None  # how often noise alone makes such a misfit; None: not known
    least_cost: Estimate | None = None  # E0
    critical: Estimate | None = None  # Bc, samples

    @property
    def is_misfit(self) -> bool:
        """Whether a batch is missed by more than it may be: by more than its noise explains."""
        missed = self.max_residual_frac or 0.0
        if self.p_misfit is None:
            return missed > MAX_RESIDUAL_FRAC
        return self.p_misfit < ALPHA and missed > _SMALL_RESIDUAL_FRAC

    def predict(self, batch: float) -> Estimate | None:
        """Return what a new batch takes, with the 95 % interval of such a measurement.

        None where the form is refused, or the batch too far from the measured ones.
        """
        near = min(self.batch) / MAX_FACTOR <= batch <= max(self.batch) * MAX_FACTOR
        if not near or self.refusal in (Refusal.FEW_BATCHES, Refusal.NOT_DESCRIBED):
            return None
        line = fit_line(np.array(self.batch), np.array(self.cost), self.noise)
        return line.widened(self.widening).estimate(batch, is_new=True)

    @property
    def least_steps(self) -> float | None:
        """S0 = E0 / Bc, where costs are samples."""
        if self.least_cost is None or self.critical is None:
            return None
        return self.least_cost.value / self.critical.value


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """A batch that was left out, and what the others say of it."""

    batch: float
    cost: float
    predicted: Estimate

    @property
    def error_frac(self) -> float:
        """Predicted over measured, less 1."""
        return self.predicted.value / self.cost - 1

    @property
    def is_covered(self) -> bool:
        """Whether the interval holds the measurement."""
        return self.predicted.contains(self.cost)


def critical_batch(
    batch: Sequence[float],
    cost: Sequence[float],
    noise: Sequence[Part | None] | None = None,
    *,
    widening: float = 1.0,
) -> CriticalBatch:
    """Fit E = E0 (1 + B / Bc).

    Args:
        batch: Global batches in samples, each once.
        cost: Mean samples or epochs to the target at each of them.
        noise: Variance of the logarithm of each mean and its degrees of freedom, from seeds. Where
            one of them is not known all are taken from the fit.
        widening: How many times wider the intervals are to be; the refusal knows nothing of it.
    """
    order = np.argsort(batch)
    b, e = np.asarray(batch, dtype=float)[order], np.asarray(cost, dtype=float)[order]
    parts = [noise[i] for i in order] if noise is not None else [None]
    known = tuple(x for x in parts if x is not None)
    bare = CriticalBatch(
        batch=tuple(b.tolist()),
        cost=tuple(e.tolist()),
        refusal=Refusal.FEW_BATCHES,
        noise=known if len(known) == len(b) else None,
        widening=widening,
    )
    if len(b) < MIN_BATCHES:
        return bare
    line = fit_line(b, e, bare.noise).widened(widening)
    missed = float(np.max(np.abs(e - line.at(b)) / e))
    judged = replace(bare, max_residual_frac=missed, p_misfit=line.p_misfit)
    if judged.is_misfit or line.beta[0] <= 0:
        return replace(judged, refusal=_refusal(judged, line))
    critical = ratio(line)
    return replace(
        judged,
        refusal=Refusal.NO_GROWTH if critical is None else None,
        least_cost=line.estimate(0.0),
        critical=critical,
    )


def _refusal(found: CriticalBatch, line: Line) -> Refusal:
    """Return why there is none: samples that noise may have made grow so fast say nothing."""
    is_by_noise = found.p_misfit is not None and line.estimate(0.0).high != 0
    return Refusal.NOT_DESCRIBED if found.is_misfit or not is_by_noise else Refusal.NO_LEAST


def back_test(found: CriticalBatch) -> tuple[BackTest, ...]:
    """Predict every batch from the others, where those can be fitted and are near enough."""
    tests = []
    for i, (batch, cost) in enumerate(zip(found.batch, found.cost, strict=True)):
        rest = [j for j in range(len(found.batch)) if j != i]
        fit = critical_batch(
            [found.batch[j] for j in rest],
            [found.cost[j] for j in rest],
            None if found.noise is None else [found.noise[j] for j in rest],
            widening=found.widening,
        )
        predicted = fit.predict(batch)
        if predicted is not None:
            tests.append(BackTest(batch=batch, cost=cost, predicted=predicted))
    return tuple(tests)
