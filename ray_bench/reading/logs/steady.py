"""The steady state of a log: which of its lines count, and what they say.

A log has no steps, only averages of a few of them, so the rule of our own warm-up (windows whose
medians agree) has too little to go by. Here the first tenth of the lines is left out, one at least,
and the median of the rest is taken: neither a slow start nor a checkpoint in between moves it.
"""

from __future__ import annotations

import math
import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

#: Of the lines of a run; what start-up has slowed is among them.
WARMUP_FRAC = 0.1
#: The middle half of the lines may span so much of the median before it is said in words.
_WIDE_FRAC = 0.1


@dataclass(frozen=True, slots=True)
class Steady:
    """The median of the lines that count, and in words which they are."""

    value: float
    words: str


def steady(values: Sequence[float], steps: Sequence[int], what: str, step: str = "step") -> Steady:
    """Return the steady state of a run.

    Args:
        values: One a line, at least one.
        steps: The step of every line, in the same order.
        what: Of which quantity they are, for the words.
        step: What the log calls a step.
    """
    count = len(values)
    if count == 1:
        return Steady(
            values[0], f"{what} of the only line, {step} {steps[0]}; warm-up may be in it"
        )
    skipped = max(1, math.ceil(WARMUP_FRAC * count))
    kept = values[skipped:]
    median = statistics.median(kept)
    left_out = "first" if skipped == 1 else f"first {skipped}"
    words = (
        f"{what}: median of the last {len(kept)} of {count} lines, from {step} {steps[skipped]} to "
        f"{steps[-1]}; the {left_out} left out as warm-up"
    )
    return Steady(median, words + _spread(kept, median))


def _spread(kept: Sequence[float], median: float) -> str:
    if len(kept) < 4:
        return ""
    low, _, high = statistics.quantiles(kept, n=4)
    if high - low <= _WIDE_FRAC * median:
        return ""
    return f"; the middle half of them is between {low:.4g} and {high:.4g}"


class Series:
    """The lines of one run as they are read: a value and a step each, 16 bytes a line."""

    def __init__(self) -> None:
        self.values = array("d")
        self.steps = array("q")

    def __len__(self) -> int:
        return len(self.values)

    def add(self, step: int, value: float) -> None:
        """Add a line."""
        self.steps.append(step)
        self.values.append(value)

    def is_new_run(self, step: int) -> bool:
        """Tell whether a step cannot follow those before it: a run began again."""
        return bool(self.steps) and step <= self.steps[-1]

    def steady(self, what: str, step: str = "step") -> Steady:
        """Return the steady state of the lines so far."""
        return steady(self.values, self.steps, what, step)
