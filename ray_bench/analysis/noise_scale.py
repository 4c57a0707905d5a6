"""The gradient noise scale: the batch up to which a larger batch saves steps.

    noise scale = tr(Sigma) / |G|^2        (samples)

with G the gradient of the loss and Sigma the covariance of one sample's gradient, B_simple of
McCandlish et al. 2018 (arXiv:1812.06162). At a batch B the training needs 1 + B / noise scale times
the fewest samples, and 1 + noise scale / B times the fewest steps (their section 2.3, with the
critical batch taken to be the noise scale). The runs measured it at their last weights, and it
grows during training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.batches import step_samples
from ray_bench.analysis.times import mean
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import t_quantile

#: Where a batch lies against the interval of the noise scale.
Place = Literal["below", "within", "above"]

#: Jackknife values of |G|^2 and of tr(Sigma) of one run, shape (2, num_steps).
Steps = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseRow:
    """The noise scale at one world size and learning-rate rule, over seeds."""

    world_size: int
    lr_rule: str
    global_batch_size: int
    num_seeds: int
    num_epochs: float | None  # of training before it was measured
    noise_scale: Estimate | None  # samples; None: |G|^2 cannot be told from 0

    @property
    def more_samples(self) -> Estimate | None:
        """Samples that training needs at the global batch, over the fewest."""
        if self.noise_scale is None:
            return None
        return self.noise_scale.mapped(lambda scale: 1 + self.global_batch_size / scale)

    @property
    def batch_is(self) -> Place | None:
        """Where the global batch lies; None where the noise scale is unknown."""
        found = self.noise_scale
        if found is None or found.low is None or found.high is None:
            return None
        if self.global_batch_size > found.high:
            return "above"
        return "below" if self.global_batch_size < found.low else "within"


def noise_rows(runs: Sequence[RunRecord]) -> tuple[NoiseRow, ...]:
    """Return a row for every world size and rule at which a run measured its gradients."""
    by_cell: dict[tuple[int, str], list[RunRecord]] = {}
    for run in runs:
        if run.grad_mean_sq_by_step and run.grad_variance_by_step:
            by_cell.setdefault((run.point.world_size, run.point.rule), []).append(run)
    return tuple(_row(by_cell[cell]) for cell in sorted(by_cell))


def _row(runs: Sequence[RunRecord]) -> NoiseRow:
    # Repeats of a seed train the same model on the same batches again.
    by_seed = {run.point.seed: run for run in reversed(runs)}
    point = runs[0].point
    return NoiseRow(
        world_size=point.world_size,
        lr_rule=point.rule,
        global_batch_size=round(step_samples(runs)),
        num_seeds=len(by_seed),
        num_epochs=mean(run.num_epochs for run in by_seed.values()),
        noise_scale=noise_scale(
            [
                np.array([run.grad_mean_sq_by_step, run.grad_variance_by_step])
                for run in by_seed.values()
            ]
        ),
    )


def noise_scale(runs: Sequence[Steps]) -> Estimate | None:
    """Return tr(Sigma) / |G|^2 of the means over runs, with Fieller's interval.

    A ratio r is in the interval where the mean of tr(Sigma) - r |G|^2 is not told from 0, at the
    variance of the steps within runs (Fieller 1954, J. R. Stat. Soc. B 16). So it is about these
    runs' weights, and not about other seeds.

    Args:
        runs: Jackknife values of each run.

    Returns:
        Samples; None where the interval has no end (|G|^2 is not told from 0) or reaches 0.
    """
    (bottom, top), covariance, df = _pooled(runs)
    return fieller(bottom, top, covariance, df)


def fieller(bottom: float, top: float, covariance: np.ndarray, df: float) -> Estimate | None:
    """Return top / bottom of two means, with Fieller's interval.

    Args:
        bottom: Has to be told from 0.
        top: As well.
        covariance: Of the two, shape (2, 2).
        df: Its degrees of freedom.

    Returns:
        None where the interval has no end, or reaches 0.
    """
    if df < 1:
        return None
    t_sq = t_quantile(df) ** 2
    bottom_sq = bottom**2 - t_sq * covariance[0, 0]
    cross = bottom * top - t_sq * covariance[0, 1]
    top_sq = top**2 - t_sq * covariance[1, 1]
    if bottom <= 0 or bottom_sq <= 0 or top <= 0 or top_sq <= 0:
        return None
    reach = math.sqrt(max(0.0, cross**2 - bottom_sq * top_sq))
    return Estimate(top / bottom, (cross - reach) / bottom_sq, (cross + reach) / bottom_sq)


def _pooled(runs: Sequence[Steps]) -> tuple[tuple[float, float], np.ndarray, int]:
    """Return the means over runs, their covariance, shape (2, 2), and its degrees of freedom."""
    means = np.mean([steps.mean(axis=1) for steps in runs], axis=0)
    parts = [np.cov(steps) / steps.shape[1] for steps in runs]
    df = sum(steps.shape[1] - 1 for steps in runs)
    return (float(means[0]), float(means[1])), np.sum(parts, axis=0) / len(runs) ** 2, df
