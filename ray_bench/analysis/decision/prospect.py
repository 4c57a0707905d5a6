"""World sizes to choose from, joint draws of their throughput, and what a run more would show.

All of it is the same for every aim.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import final

import numpy as np

from ray_bench.analysis.decision.choose import Field
from ray_bench.analysis.decision.draws import measured_draws, predicted_draws
from ray_bench.analysis.decision.next_run import Outcome, outcomes
from ray_bench.analysis.decision.options import Measured, Option, options_of
from ray_bench.analysis.decision.progress import run_sd, toward_target
from ray_bench.stats.log_estimate import LogEstimate


@final
class Prospect:
    """What can be had; computed once, whatever is then decided for.

    Args:
        data: What was measured.
        max_workers: A world size to predict beside the usual ones, and the largest to choose.
        epochs: Of the run that is decided on; None takes as many as were measured.
        to_target: Whether the way to the target is decided on, instead of a run.
    """

    def __init__(
        self,
        data: Measured,
        *,
        max_workers: int | None = None,
        epochs: float | None = None,
        to_target: bool = False,
    ) -> None:
        self.data = data
        self._max_workers = max_workers
        self._epochs = epochs
        self._to_target = to_target

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The measured world sizes and the predicted ones, ascending."""
        return options_of(self.data, max_workers=self._max_workers, epochs=self._epochs)

    @cached_property
    def field(self) -> Field | None:
        """What is chosen from: all options, or those that are known to get to the target."""
        if self.rates is None or not self._to_target:
            return self.rates
        return toward_target(self.rates, self.options)

    @cached_property
    def rates(self) -> Field | None:
        """The options with draws of throughput; None where a measured one has no interval."""
        data, options = self.data, self.options
        known = measured_draws(data.curve)
        if known is None:
            return None
        sizes = [*data.curve.sizes]
        rates = [data.curve.throughput[n].log_mean for n in sizes]
        far = [x for x in options if not x.is_measured]
        if far and data.fit is not None:
            last = data.curve.throughput[sizes[-1]]
            more = predicted_draws(
                data.fit, [x.world_size for x in far], known[:, -1], math.sqrt(last.variance or 0.0)
            )
            known = np.concatenate([known, more], axis=1)
            sizes += [x.world_size for x in far]
            rates += [math.log(x.throughput.value) for x in far]
        order = np.argsort(sizes)
        amounts = [x.run_samples for x in options]
        samples = None if None in amounts else np.array(amounts, dtype=float)
        return Field(
            sizes=tuple(int(sizes[i]) for i in order),
            log_rate=np.array(rates)[order],
            draws=known[:, order],
            samples=samples,
        )

    @cached_property
    def reach(self) -> Field | None:
        """The field up to the largest world size that may be chosen; None where it has none.

        Efficiency is against the smallest measured world size, which is always there: against the
        smallest that gets to the target, where one is decided for.
        """
        if self.field is None:
            return None
        allowed = tuple(n for n in self.field.sizes if n <= (self._max_workers or math.inf))
        return self.field.take(allowed) if allowed else None

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of one more run at every world size of the reach."""
        assert self.reach is not None, "there is something to choose"
        return outcomes(self.reach.draws, [self._noise(n) for n in self.reach.sizes])

    def _noise(self, size: int) -> float:
        """Return the noise of one more run at a world size."""
        noise = _run_sd(self.data.curve.throughput.get(size))
        if not self._to_target:
            return noise
        option = next(x for x in self.options if x.world_size == size)
        return run_sd(option, noise)

    @cached_property
    def measure_s(self) -> Mapping[int, float | None]:
        """Seconds that one more run takes, by world size."""
        return {x.world_size: x.measure_s for x in self.options}


def _run_sd(estimate: LogEstimate | None) -> float:
    """Return the noise of one more run; a prediction is one of a run, and has it already."""
    if estimate is None or estimate.variance is None:
        return 0.0
    return math.sqrt(estimate.variance * estimate.num_runs)
