"""One number of two sweeps side by side, and the verdict on its change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate


class Metric(StrEnum):
    """What is compared, in the order in which it is shown."""

    THROUGHPUT = "throughput"
    SPEEDUP = "speedup"
    EFFICIENCY = "efficiency"
    SERIAL = "serial_share"
    TIME_TO_ACCURACY = "time_to_accuracy"
    ACCURACY = "accuracy"
    COST = "cost"
    MEMORY = "memory"
    ALPHA = "alpha"
    BETA = "beta"


#: More of these is better; of all others, less is.
_MORE_IS_BETTER = (Metric.THROUGHPUT, Metric.SPEEDUP, Metric.EFFICIENCY, Metric.ACCURACY)
#: What a gate may look at: the logarithm of the ratio is known with its variance.
GATEABLE = (
    Metric.THROUGHPUT,
    Metric.SPEEDUP,
    Metric.TIME_TO_ACCURACY,
    Metric.COST,
    Metric.MEMORY,
)
#: Shares: their change is a difference in points. All others change by a ratio.
_SHARES = (Metric.EFFICIENCY, Metric.SERIAL, Metric.ACCURACY)


class Verdict(StrEnum):
    """What the interval of a change says about it, the tolerance given."""

    BETTER = "better"  # all of the interval is beyond the tolerance, on the good side
    WORSE = "worse"  # all of it is beyond the tolerance, on the bad side; if gated, widened too
    SAME = "same"  # all of it is within the tolerance: equivalent
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric at one place, in both sweeps."""

    metric: Metric
    world_size: int | None  # None: of the whole curve, or of a link
    base: Estimate
    new: Estimate
    change: Estimate  # new / base - 1, or new - base for shares
    log_change: LogEstimate | None = None  # ln(new / base), where the change is such a ratio
    widened: Estimate | None = None  # the change of a gated row, its interval as wide as judged
    detail: str | None = None  # what tells two rows of a metric apart: a rule, a kind of link
    verdict: Verdict = Verdict.CANNOT_TELL
    may_be_worse: bool = True  # by more than the tolerance: the interval does not rule it out

    @property
    def is_share(self) -> bool:
        """Whether the change is a difference in points, not a ratio."""
        return self.metric in _SHARES

    @property
    def is_gated(self) -> bool:
        """Whether a gate looks at it."""
        return self.widened is not None

    @property
    def gain(self) -> Estimate:
        """The change, turned so that more is better."""
        return self._turned(self.change)

    def _turned(self, change: Estimate) -> Estimate:
        return change if self.metric in _MORE_IS_BETTER else change.mapped(lambda x: -x)

    def gated(self, level: float) -> Row:
        """Return the row as one of a gate, whose `worse` needs an interval of this coverage."""
        if self.log_change is None:
            raise ValueError(f"{self.metric} has no interval of another coverage")
        return replace(self, widened=self.log_change.at(level).mapped(lambda r: r - 1))

    def judged(self, tolerance_frac: float) -> Row:
        """Return the row with its verdict.

        Args:
            tolerance_frac: Of ratios a share, of shares a difference: 0.02 is 2 % or 2 points.
        """
        verdict = _verdict(self.gain, tolerance_frac)
        if verdict is Verdict.WORSE and self.widened is not None:
            wide = _verdict(self._turned(self.widened), tolerance_frac)
            verdict = wide if wide is Verdict.WORSE else Verdict.CANNOT_TELL
        low = self.gain.low
        return replace(self, verdict=verdict, may_be_worse=low is None or low < -tolerance_frac)


def _verdict(gain: Estimate, tolerance_frac: float) -> Verdict:
    if gain.low is None or gain.high is None:
        return Verdict.CANNOT_TELL
    if gain.high < -tolerance_frac:
        return Verdict.WORSE
    if gain.low > tolerance_frac:
        return Verdict.BETTER
    if gain.low >= -tolerance_frac and gain.high <= tolerance_frac:
        return Verdict.SAME
    return Verdict.CANNOT_TELL
