"""AdaScale: the rate of the base batch times a gain that is measured, in base steps of progress.

Johnson et al. 2020, AdaScale SGD, arXiv 2007.05105, algorithm 1 and section 3.4: the moments are
moving averages, and the schedule is followed by progress tau, which grows by the gain in a step.
A run of a fixed number of samples makes less progress than its schedule is long, the less the gain.
"""

from __future__ import annotations

from typing import Any, final

import torch

from ray_bench.config.lr_rules.adascale import gain
from ray_bench.train.grad_watch import GradWatch
from ray_bench.train.schedule import SampleSchedule, set_rates

#: Of a step of the base batch; a larger batch forgets as many samples in a step.
_MEMORY = 0.999


@final
class AdaScaleSchedule:
    """Follows the gradients of the steps before.

    Args:
        base: The schedule of the base batch: its peak is the rate before the rule.
        watch: Of the gradients.
        growth: k, the batch over the base batch, at least 1.
    """

    def __init__(self, base: SampleSchedule, watch: GradWatch, growth: float) -> None:
        self._base = base
        self._watch = watch
        self._growth = growth
        self._base_batch = base.samples.per_step / growth
        self._keep = _MEMORY**growth
        self._means = [0.0, 0.0]  # |G|^2 and tr(Sigma), from 0
        self._seen = 0.0  # progress, in samples of base batches

    def apply(self, optimizer: torch.optim.Optimizer, step: int) -> float:
        """Set the rate of a step and return it; all ranks call it together."""
        del step  # progress counts instead
        self._learn()
        mean_sq, variance = self._means  # both are too small by one factor, which cancels
        now = gain(mean_sq, variance / self._base_batch, self._growth)
        lr = now * self._base.lr_at(self._seen, self._base_batch)
        self._seen += now * self._base_batch
        return set_rates(optimizer, lr, self._base.base_lr)

    def _learn(self) -> None:
        found = self._watch.of_last_step()
        if found is not None:
            latest = (found.mean_sq, found.variance)
            pairs = zip(self._means, latest, strict=True)
            self._means = [self._keep * old + (1 - self._keep) * new for old, new in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Return what a later step depends on."""
        return {"means": list(self._means), "seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._means, self._seen = list(state["means"]), float(state["seen"])
