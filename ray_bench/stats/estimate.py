"""A number with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Every interval of the product has this coverage.
COVERAGE_FRAC = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its 95 % interval; the bounds are None where the data give none."""

    value: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate times a constant that is 0 or more."""
        return self.mapped(lambda x: x * factor)

    def mapped(self, function: Callable[[float], float]) -> Estimate:
        """Return a monotone function of the estimate, falling or rising, bounds in order."""
        if self.low is None or self.high is None:
            return Estimate(function(self.value))
        first, last = sorted((function(self.low), function(self.high)))
        return Estimate(function(self.value), first, last)

    def contains(self, number: float) -> bool:
        """Return whether the interval exists and contains the number."""
        return self.low is not None and self.high is not None and self.low <= number <= self.high
