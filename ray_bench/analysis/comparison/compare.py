"""Compare two sweeps, and let a gate decide."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ray_bench.analysis.comparison.facts import Allow, Difference
from ray_bench.analysis.comparison.metrics import link_rows, pair_rows
from ray_bench.analysis.comparison.pairs import Pair, pairs_of
from ray_bench.analysis.comparison.refusal import Reason
from ray_bench.analysis.comparison.row import GATEABLE, Metric, Row, Verdict
from ray_bench.analysis.comparison.settings import setting_differences
from ray_bench.analysis.network import network_study
from ray_bench.errors import ConfigError
from ray_bench.records import Results
from ray_bench.stats.estimate import COVERAGE_FRAC

DEFAULT_TOLERANCE_FRAC = 0.02
DEFAULT_GATE = (Metric.THROUGHPUT,)


class Outcome(StrEnum):
    """What the gate says."""

    PASSED = "passed"  # a regression beyond the tolerance is ruled out in every gated row
    FAILED = "failed"  # there is one in some gated row
    UNDECIDED = "undecided"  # neither is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sweeps side by side."""

    pairs: tuple[Pair, ...]
    num_alone: int  # curves of the base that nothing of the new sweep compares with
    rows: tuple[Row, ...]  # by pair, in the order of Metric; those of links last
    settings: tuple[Difference, ...]  # of the configurations
    tolerance_frac: float
    gate: tuple[Metric, ...]
    allowed: tuple[Allow, ...]
    target_frac: float | None  # validation accuracy that time to accuracy is about

    @property
    def gated(self) -> tuple[Row, ...]:
        """The rows that decide."""
        return tuple(row for row in self.rows if row.is_gated)

    @property
    def worse(self) -> tuple[Row, ...]:
        """Gated rows with a regression beyond the tolerance."""
        return tuple(row for row in self.gated if row.verdict is Verdict.WORSE)

    @property
    def open(self) -> tuple[Row, ...]:
        """Gated rows that neither show nor rule out a regression beyond the tolerance."""
        return tuple(x for x in self.gated if x.may_be_worse and x.verdict is not Verdict.WORSE)

    @property
    def missing_sizes(self) -> tuple[int, ...]:
        """World sizes that the new sweep asked for and has no usable run of, but the base has."""
        found = {
            x.world_size
            for pair in self.pairs
            for x in pair.left_out
            if x.reason is Reason.MISSING_IN_NEW
        }
        return tuple(sorted(found))

    @property
    def unseen(self) -> tuple[Metric, ...]:
        """Metrics of the gate that some world size of both sweeps lacks a row of."""
        seen = Counter(row.metric for row in self.gated)
        sizes = sum(len(pair.sizes) for pair in self.pairs)
        # The first world size of a pair is what its speedups are against.
        of_speedup = sizes - len(self.pairs)
        wanted = {metric: of_speedup if metric is Metric.SPEEDUP else sizes for metric in self.gate}
        return tuple(metric for metric in self.gate if seen[metric] < max(1, wanted[metric]))

    @property
    def outcome(self) -> Outcome:
        """What the gate says."""
        if self.worse:
            return Outcome.FAILED
        if self.open or self.unseen or self.missing_sizes or self.num_alone:
            return Outcome.UNDECIDED
        return Outcome.PASSED


def compare(
    base: Results,
    new: Results,
    *,
    tolerance_frac: float = DEFAULT_TOLERANCE_FRAC,
    gate: Collection[Metric] = DEFAULT_GATE,
    allow: Collection[Allow] = (),
    target_frac: float | None = None,
) -> Comparison:
    """Compare two sweeps.

    Args:
        base: What it was.
        new: What it is now.
        tolerance_frac: A change within it is none: of ratios a share, of shares a difference.
        gate: The metrics that decide.
        allow: Kinds of differences that are compared all the same.
        target_frac: Validation accuracy of time to accuracy; by default what every run of both
            sweeps reached, by the best rule of its world size.

    Raises:
        ConfigError: The tolerance, the gate or the target makes no sense.
        IncompatibleRunsError: Nothing of the two can be compared; says why.
    """
    _check(tolerance_frac, gate, target_frac)
    matched = pairs_of(base, new, allow)
    target = target_frac or _target(matched.pairs)
    rows = [row for pair in matched.pairs for row in pair_rows(pair, target)]
    rows += link_rows(network_study(base.network), network_study(new.network))
    return Comparison(
        pairs=matched.pairs,
        num_alone=matched.num_alone,
        rows=tuple(row.judged(tolerance_frac) for row in gated_rows(rows, gate)),
        settings=setting_differences(base.sweep.config_json, new.sweep.config_json),
        tolerance_frac=tolerance_frac,
        gate=tuple(metric for metric in Metric if metric in gate),
        allowed=tuple(kind for kind in Allow if kind in allow),
        target_frac=target,
    )


def gated_rows(rows: Sequence[Row], gate: Collection[Metric]) -> list[Row]:
    """Return the rows, those of the gate with a second, wider interval.

    Each of m gated rows is judged worse by an interval of coverage 1 - 0.05 / m, so that all of
    them hold together in 95 % of cases, whatever they depend on (Bonferroni): one row is enough to
    fail. To pass, a regression has to be ruled out in every row, which needs no wider intervals
    (an intersection-union test: Berger 1982, Technometrics 24).
    """
    count = sum(row.metric in gate for row in rows)
    level = 1 - (1 - COVERAGE_FRAC) / max(count, 1)
    return [row.gated(level) if row.metric in gate else row for row in rows]


def _target(pairs: Sequence[Pair]) -> float | None:
    found = [side.target_frac() for pair in pairs for side in (pair.base, pair.new)]
    known = [target for target in found if target is not None]
    return min(known) if known and len(known) == len(found) else None


def _check(tolerance_frac: float, gate: Collection[Metric], target_frac: float | None) -> None:
    if not (math.isfinite(tolerance_frac) and 0 <= tolerance_frac < 1):
        raise ConfigError(
            f"The tolerance is a fraction from 0 to below 1, like 0.02; got {tolerance_frac:g}."
        )
    wrong = [metric for metric in gate if metric not in GATEABLE]
    if wrong or not gate:
        raise ConfigError(
            f"A gate looks at one or more of {', '.join(GATEABLE)}; "
            f"got {', '.join(wrong) or 'none'}."
        )
    if target_frac is not None and not 0 < target_frac <= 1:
        raise ConfigError(
            f"The target is a fraction above 0, at most 1, like 0.9; got {target_frac:g}."
        )
