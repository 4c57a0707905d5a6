"""Sums of loss and correct predictions over an epoch, kept on the device without synchronising."""

from __future__ import annotations

import math
from typing import Any, final

import torch

from ray_bench.errors import ExplodedLossError, NonFiniteLossError
from ray_bench.train.group import Group


@final
class Explosion:
    """Tells when a loss is far beyond the first one of the run.

    Args:
        factor: So many times as large is far; a first loss of 0 or below says nothing.

    Attributes:
        first: Mean loss at the first look; None before it.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self.first: float | None = None

    def check(self, loss: float, *, epoch: int, step: int) -> None:
        """Look at a mean loss over some steps.

        Raises:
            ExplodedLossError: It is too large.
        """
        if self.first is None:
            self.first = loss
        elif 0 < self.first * self._factor < loss:
            raise ExplodedLossError(
                f"The training loss became {loss:.3g} in epoch {epoch}, by step {step}, and was "
                f"{self.first:.3g} at first; lower `lr`, or lengthen `optimizer.warmup_epochs`. "
                "Where such a loss is as it should be, raise stop.diverged_factor."
            )


@final
class Tally:
    """Adds up one rank's training loss and correct predictions.

    Args:
        device: Of the losses.
        explosion: Looks at the mean loss between two checks; None: nothing does.
    """

    def __init__(self, device: torch.device, explosion: Explosion | None = None) -> None:
        self._explosion = explosion
        self._checked = (0.0, 0)  # sum of losses, and samples, at the last check
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device)
        self._has_accuracy = True
        self._samples = 0

    def add(self, loss: torch.Tensor, outputs: Any, targets: Any, num_samples: int) -> None:
        """Add a step: its mean loss over `num_samples` samples, its outputs for the accuracy."""
        if num_samples == 0:
            return
        self._samples += num_samples
        self._loss += loss.detach() * num_samples
        if is_classification(outputs, targets):
            self._correct += (outputs.detach().argmax(1) == targets).sum()
        else:
            self._has_accuracy = False

    def check_finite(self, *, epoch: int, step: int) -> float | None:
        """Return this rank's mean loss so far, None before its first sample (waits for the device).

        Raises:
            NonFiniteLossError: If the sum of losses is not finite.
            ExplodedLossError: If the loss since the last check is far beyond the first one.
        """
        loss = float(self._loss)
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                f"The training loss became {loss} in epoch {epoch}, by step {step}; "
                "lower `lr`, or lengthen `optimizer.warmup_epochs`."
            )
        (before, seen), self._checked = self._checked, (loss, self._samples)
        if self._explosion is not None and self._samples > seen:
            self._explosion.check((loss - before) / (self._samples - seen), epoch=epoch, step=step)
        return loss / self._samples if self._samples else None

    def means(self, group: Group) -> tuple[int, float, float | None]:
        """Return (samples, mean loss, accuracy or None) over all ranks."""
        sums = torch.stack([self._loss.double(), self._correct.double()])
        counts = torch.tensor([self._samples], dtype=torch.float64, device=sums.device)
        loss, correct, samples = group.sum(torch.cat([sums, counts])).tolist()
        accuracy = correct / samples if self._has_accuracy else None
        return int(samples), loss / samples, accuracy


def is_classification(outputs: Any, targets: Any) -> bool:
    """Tell whether accuracy has a meaning: scores (samples, classes) against class indices."""
    return (
        isinstance(outputs, torch.Tensor)
        and isinstance(targets, torch.Tensor)
        and outputs.ndim == 2
        and targets.ndim == 1
        and not targets.is_floating_point()
    )
