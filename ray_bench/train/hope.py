"""Runs without hope: they are ended at an evaluation, and are results and no failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ray_bench.config.groups import StopConfig
from ray_bench.errors import HopelessRunError
from ray_bench.train.evaluations import accuracy_of, score_of
from ray_bench.train.group import Group
from ray_bench.workloads.base import Evaluation

#: Says from samples seen and score why a run has no hope beside others; None: it has. Rank 0 asks.
Judge = Callable[[int, float], str | None]


@dataclass(frozen=True, slots=True)
class Hope:
    """Of one run.

    Attributes:
        stop: What it has to come to.
        group: Its ranks, of which all end it or none.
        samples_per_epoch: Of all ranks.
        judge: Knows the other runs of the sweep; None: nobody does.
    """

    stop: StopConfig
    group: Group
    samples_per_epoch: int
    judge: Judge | None

    def check(self, found: Evaluation, num_samples: int) -> None:
        """End a run without hope; all ranks call it together.

        Raises:
            HopelessRunError: It has none.
        """
        loss, accuracy = found.loss_sum / found.num_samples, accuracy_of(found)
        reason = self._behind(accuracy, loss, num_samples / self.samples_per_epoch)
        if reason is None and self.judge is not None:
            is_first = self.group.rank == 0
            score = score_of(accuracy, loss)
            reason = self.group.first(self.judge(num_samples, score) if is_first else None)
        if reason is not None:
            raise HopelessRunError(reason)

    def _behind(self, accuracy: float | None, loss: float, epochs: float) -> str | None:
        stop = self.stop
        if stop.hopeless_epochs is None or epochs < stop.hopeless_epochs:
            return None
        by_then = f"after stop.hopeless_epochs={stop.hopeless_epochs:g}"
        least, most = stop.hopeless_accuracy, stop.hopeless_loss
        if least is not None and accuracy is not None and accuracy < least:
            return (
                f"Validation accuracy was {accuracy:.4f} after {epochs:g} epochs, below "
                f"stop.hopeless_accuracy={least:g} {by_then}."
            )
        if most is not None and loss > most:
            return (
                f"Validation loss was {loss:.4g} after {epochs:g} epochs, above "
                f"stop.hopeless_loss={most:g} {by_then}."
            )
        return None
