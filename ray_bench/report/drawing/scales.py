"""From numbers to places in a frame, and the numbers at an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Ticks within a power of ten, from few to many; the first that gives so many is taken.
_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_FEWEST = 3
#: Units of time, in seconds, and from how many seconds on they are easier to read.
_UNITS = ((3600.0, "h", 7200.0), (60.0, "min", 600.0), (1.0, "s", 1.0), (1e-3, "ms", 1e-3))


@dataclass(frozen=True, slots=True)
class Scale:
    """A line from a number to a place; logarithmic where a ratio is what counts."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a number; a number that has no logarithm is far away."""
        low, high, value = (self._form(x) for x in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def _form(self, value: float) -> float:
        if not self.is_log:
            return value
        return math.log2(value) if value > 0 else -1e6


def linear_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round numbers between two, 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(x * power for x in (1, 2, 5, 10) if x * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two on a logarithmic axis; at least two where that can be."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _STEPS:
        found = [x * 10.0**i for i in powers for x in steps if low <= x * 10.0**i <= high]
        if len(found) >= _FEWEST:
            return found
    return linear_ticks(low, high, 6)


def time_unit(largest_s: float) -> tuple[float, str]:
    """Return the unit of an axis of time, in seconds, and its name."""
    found = ((size, name) for size, name, least in _UNITS if largest_s >= least)
    return next(found, (1e-6, "us"))
