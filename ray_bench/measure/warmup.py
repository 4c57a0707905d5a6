"""When warm-up is over: enough steps, enough seconds, and step times that have settled.

Settled: the medians of the last three windows of steps differ from one to the next by no more than
1 %, or by no more than medians of such noisy steps differ anyway. A steady trend never passes: over
one window it moves the median further than it spreads the steps within a window.
"""

from __future__ import annotations

import enum
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import final

from ray_bench.config.groups import MeasureConfig

WINDOW_STEPS = 10
TOLERANCE_FRAC = 0.01
#: Warm-up that does not settle ends at so many times its least length, or when it has taken this
#: share of the steps that were left when its least length was reached.
MAX_TIMES_LEAST = 5
MAX_REST_FRAC = 0.25


class Verdict(enum.IntEnum):
    """What one rank thinks; the largest of all ranks counts."""

    SETTLED = 0
    GIVE_UP = 1  # not settled, and the limit is reached
    UNSETTLED = 2
    TOO_SHORT = 3


@final
class Warmup:
    """One rank's warm-up steps so far.

    Args:
        config: The least steps and seconds.
        total_steps: Of the whole run.
    """

    def __init__(self, config: MeasureConfig, total_steps: int) -> None:
        self._config = config
        self._total_steps = total_steps
        self._durations_s: list[float] = []
        self._elapsed_s = 0.0
        self._least_steps: int | None = None  # made when the least length was reached

    def add(self, duration_s: float) -> None:
        """Count a step. One that a clock made negative adds no time."""
        self._durations_s.append(duration_s)
        self._elapsed_s += max(0.0, duration_s)
        has_least = self.has_enough_steps and self._elapsed_s >= self._config.warmup_s
        if has_least and self._least_steps is None:
            self._least_steps = len(self._durations_s)

    @property
    def has_enough_steps(self) -> bool:
        """Whether the least number of steps is made; the same on every rank."""
        return len(self._durations_s) >= self._config.warmup_steps

    def verdict(self) -> Verdict:
        """Return what this rank thinks of ending warm-up now."""
        if self._least_steps is None:
            return Verdict.TOO_SHORT
        if is_settled(self._durations_s):
            return Verdict.SETTLED
        return Verdict.GIVE_UP if self._is_at_limit(self._least_steps) else Verdict.UNSETTLED

    def typical_s(self) -> float:
        """Return the median of the later half of the steps, in seconds."""
        return statistics.median(self._durations_s[len(self._durations_s) // 2 :])

    def _is_at_limit(self, least_steps: int) -> bool:
        steps = len(self._durations_s)
        is_long = (
            steps >= MAX_TIMES_LEAST * self._config.warmup_steps
            and self._elapsed_s >= MAX_TIMES_LEAST * self._config.warmup_s
        )
        rest_steps = max(0, self._total_steps - least_steps)
        return is_long or steps - least_steps >= MAX_REST_FRAC * rest_steps


def is_settled(durations_s: Sequence[float]) -> bool:
    """Tell whether the last three windows of step times have equal medians.

    A window has ten steps, or a third of all where there are fewer than thirty.
    """
    window = min(WINDOW_STEPS, len(durations_s) // 3)
    if window == 0:
        return False
    recent = durations_s[-3 * window :]
    windows = [recent[i : i + window] for i in range(0, 3 * window, window)]
    medians = [statistics.median(steps) for steps in windows]
    if min(medians) <= 0:
        return False
    limit_s = max(TOLERANCE_FRAC * medians[1], _sampling_error_s(windows, medians))
    return all(abs(after - before) <= limit_s for before, after in itertools.pairwise(medians))


def _sampling_error_s(windows: Sequence[Sequence[float]], medians: Sequence[float]) -> float:
    """Return how far two medians of equal windows differ by chance, in 95 % of cases.

    The standard error of a median of n normal values is sqrt(pi / 2) sigma / sqrt(n); sigma is
    1.4826 times the median distance to the window's median, which outliers do not widen.
    """
    distances = [abs(x - m) for steps, m in zip(windows, medians, strict=True) for x in steps]
    sigma_s = 1.4826 * statistics.median(distances)
    return 1.96 * math.sqrt(2) * math.sqrt(math.pi / 2) * sigma_s / math.sqrt(len(windows[0]))
