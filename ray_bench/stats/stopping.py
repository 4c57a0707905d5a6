"""When a sweep has measured enough: a rule that looks at its results a few times only.

After 6 rounds, stop where the half-width of ln R is at most the wanted one for every speedup R at
two consecutive looks, or at the largest number of rounds, or when the budget is spent. Looking
again and again finds a narrow interval by chance: looks are few, and the interval looked at is the
99 % one (in the spirit of Pocock 1977, Biometrika 64). What is reported is the 95 % one. A round
is one run, or one turn, of every world size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.stats.estimate import COVERAGE_FRAC
from ray_bench.stats.log_estimate import LogEstimate, log_ratio, mean_log

#: Why no more is measured; `StopRecord.reason`.
StopReason = Literal["narrow_enough", "max_repeats", "budget"]

#: With fewer rounds a spread is hardly known. From 32 on every look is at half as many more rounds.
FIRST_LOOKS = (6, 8, 12, 16, 24, 32)
_LATER_GROWTH = 1.5

#: Coverage of the interval that a look judges; `COVERAGE_FRAC` is that of the reported one.
LOOK_COVERAGE_FRAC = 0.99

#: Logarithms of times (or of throughputs) by world size, shape (num_rounds,) each; NaN where a
#: round has none.
LogTimes = Mapping[int, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a look gave."""

    reason: StopReason | None  # None: go on
    num_rounds: int
    half_width_frac: float | None  # of ln R, 95 %, the widest; None without a spread or a ratio
    next_look: int | None  # at how many rounds to look again; None where it has stopped

    @property
    def has_stopped(self) -> bool:
        """Whether enough was measured."""
        return self.reason is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """Without state: the same rounds give the same decision, also after an interruption."""

    half_width_frac: float
    min_rounds: int = FIRST_LOOKS[0]  # as the sweep was asked for; never fewer than 6
    max_rounds: int = FIRST_LOOKS[-1]
    budget_s: float | None = None

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of rounds at which it looks, ascending; the last is the most it allows."""
        first = max(self.min_rounds, FIRST_LOOKS[0])
        later = itertools.takewhile(lambda n: n < self.max_rounds, _all_looks())
        between = [n for n in later if n > first]
        return tuple(sorted({min(first, self.max_rounds), *between, self.max_rounds}))

    def look(self, log_times: LogTimes, *, paired: bool, elapsed_s: float) -> Decision:
        """Return whether to stop; between two looks only the budget can say so.

        Args:
            log_times: By world size, all with as many rounds. A world size without any time has no
                speedup and is left out.
            paired: Whether the times of one round belong together, as in a ladder.
            elapsed_s: Seconds that the sweep has taken so far.
        """
        num_rounds = min((len(times) for times in log_times.values()), default=0)
        next_look = next((n for n in self.looks if n > num_rounds), None)
        reason = self._reason(log_times, num_rounds, paired, elapsed_s)
        width = widest(log_times, num_rounds, paired=paired, coverage_frac=COVERAGE_FRAC)
        return Decision(
            reason=reason,
            num_rounds=num_rounds,
            half_width_frac=width,
            next_look=None if reason else next_look,
        )

    def _reason(
        self, log_times: LogTimes, num_rounds: int, paired: bool, elapsed_s: float
    ) -> StopReason | None:
        if self._is_narrow(log_times, num_rounds, paired):
            return "narrow_enough"
        if num_rounds >= self.max_rounds:
            return "max_repeats"
        if self.budget_s is not None and elapsed_s >= self.budget_s:
            return "budget"
        return None

    def _is_narrow(self, log_times: LogTimes, num_rounds: int, paired: bool) -> bool:
        """Whether this is a look, and it and the one before found every interval narrow."""
        if num_rounds not in self.looks[1:]:
            return False
        before = self.looks[self.looks.index(num_rounds) - 1]
        widths = [
            widest(log_times, n, paired=paired, coverage_frac=LOOK_COVERAGE_FRAC)
            for n in (before, num_rounds)
        ]
        return all(width is not None and width <= self.half_width_frac for width in widths)


def widest(
    log_times: LogTimes, num_rounds: int, *, paired: bool, coverage_frac: float
) -> float | None:
    """Return the largest half-width of ln R over the world sizes, from the first rounds.

    R is each world size against the smallest. Paired: a t-interval of the differences of rounds
    that have both. Else Welch's: Var(ln R) = s_N^2 / n_N + s_b^2 / n_b.

    Returns:
        None where there is no ratio, or one without a spread (fewer than two rounds).
    """
    logs = {n: np.asarray(times, dtype=float)[:num_rounds] for n, times in log_times.items()}
    known = {n: x for n, x in sorted(logs.items()) if np.isfinite(x).any()}
    if len(known) < 2:
        return None
    baseline, *others = known.values()
    ratio = _paired if paired else _welch
    found = [ratio(x, baseline) for x in others]
    widths = [None if x is None else x.half_width(coverage_frac) for x in found]
    return None if None in widths else max(x for x in widths if x is not None)


def _paired(logs: np.ndarray, baseline: np.ndarray) -> LogEstimate | None:
    return _mean(logs - baseline)


def _welch(logs: np.ndarray, baseline: np.ndarray) -> LogEstimate | None:
    top, bottom = _mean(logs), _mean(baseline)
    return None if top is None or bottom is None else log_ratio(top, bottom)


def _mean(logs: np.ndarray) -> LogEstimate | None:
    known = logs[np.isfinite(logs)]
    return mean_log(known) if len(known) > 1 else None


def _all_looks() -> itertools.chain[int]:
    later = (math.ceil(FIRST_LOOKS[-1] * _LATER_GROWTH**k) for k in itertools.count(1))
    return itertools.chain(FIRST_LOOKS, later)
