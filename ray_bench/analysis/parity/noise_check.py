"""Does the gradient noise scale say how many more samples a larger batch needs to the target?

With phi the noise scale a batch B needs (phi + B) / (phi + B0) times the samples of a batch B0, the
inverse of Pollux's statistical efficiency (McCandlish et al. 2018, section 2.3: 1 + B / phi times
the fewest). Of a noise scale that is known over training it is the inverse of the mean efficiency
of the epochs up to the target, as samples x efficiency adds up to samples of the base batch. That
supposes a learning rate that is right at every batch; what the target took was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.noise_curve import NoiseEpoch
from ray_bench.analysis.noise_scale import NoiseRow
from ray_bench.analysis.parity.goodput import efficiency_frac
from ray_bench.analysis.parity.to_target import TargetRow, ToTarget
from ray_bench.stats.estimate import Estimate

#: within: the prediction is in the measured interval. overlaps: it is not, but the two intervals
#: overlap. apart: they do not, and the noise scale does not describe the training.
Verdict = Literal["within", "overlaps", "apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseCheck:
    """Samples to the target against those of the smallest world size: predicted and measured."""

    world_size: int
    lr_rule: str
    batch: float
    base_batch: float
    predicted: Estimate
    is_over_training: bool  # False: by the noise scale of the last weights, which is the largest
    measured: Estimate

    @property
    def verdict(self) -> Verdict | None:
        """How the two agree; None where one seed leaves the measurement without an interval."""
        low, high = self.measured.low, self.measured.high
        if low is None or high is None:
            return None
        if self.measured.contains(self.predicted.value):
            return "within"
        ends = (self.predicted.low, self.predicted.high)
        least, most = (self.predicted.value if x is None else x for x in ends)
        return "overlaps" if least <= high and most >= low else "apart"


def noise_checks(
    gain: ToTarget,
    noise: Sequence[NoiseRow],
    curve: Sequence[NoiseEpoch],
    batches: Mapping[int, float],
) -> tuple[NoiseCheck, ...]:
    """Return a check of every world size whose batch has grown and whose noise scale is known.

    Args:
        gain: What the target takes; the smallest world size has the base batch.
        noise: Noise scales of the last weights.
        curve: Noise scales over training; where they are known they count.
        batches: Samples of a step by world size.
    """
    base = batches.get(gain.rows[0].world_size)
    found = []
    for row in gain.rows[1:]:
        batch = batches.get(row.world_size)
        if base is None or batch is None or batch <= base or row.more_samples is None:
            continue
        over_training = _over_training(row, curve, batch, base)
        predicted = over_training or _at_the_end(row, noise, batch, base)
        if predicted is not None:
            found.append(
                NoiseCheck(
                    world_size=row.world_size,
                    lr_rule=row.lr_rule,
                    batch=batch,
                    base_batch=base,
                    predicted=predicted,
                    is_over_training=over_training is not None,
                    measured=row.more_samples,
                )
            )
    return tuple(found)


def _over_training(
    row: TargetRow, curve: Sequence[NoiseEpoch], batch: float, base: float
) -> Estimate | None:
    """Return the inverse of the mean efficiency up to the target; None where an epoch is unknown.

    Its bounds are those of all epochs together: they have the same seeds.
    """
    rules = row.lr_rule.split("/")
    epochs = [x for x in curve if x.world_size == row.world_size and x.lr_rule in rules]
    epochs = [x for x in epochs if x.lr_rule == epochs[0].lr_rule]
    way = [x for x in epochs if _begins_before(x, epochs, row)]
    scales = [x.noise_scale for x in way if x.noise_scale is not None]
    if not way or len(scales) < len(way):
        return None

    def needed(values: Sequence[float]) -> float:
        return float(1 / np.mean([efficiency_frac(x, batch, base) for x in values]))

    lows, highs = ([x.low for x in scales], [x.high for x in scales])
    ends = [[x for x in side if x is not None] for side in (highs, lows)]
    value = needed([x.value for x in scales])
    if any(len(side) < len(scales) for side in ends):
        return Estimate(value)
    return Estimate(value, *(needed(side) for side in ends))


def _begins_before(epoch: NoiseEpoch, epochs: Sequence[NoiseEpoch], row: TargetRow) -> bool:
    """Whether an epoch is on the way to the target; all are where samples are not known."""
    before = [x.num_samples for x in epochs if x.epoch < epoch.epoch]
    if row.samples is None or not before or before[-1] is None:
        return True
    return before[-1] < row.samples.estimate.value


def _at_the_end(
    row: TargetRow, noise: Sequence[NoiseRow], batch: float, base: float
) -> Estimate | None:
    of = (x for x in noise if (x.world_size, x.lr_rule) == (row.world_size, row.first_rule))
    found = next(of, None)
    if found is None or found.noise_scale is None:
        return None
    return found.noise_scale.mapped(lambda phi: 1 / efficiency_frac(phi, batch, base))
