"""Parity of a group of comparable runs: a verdict for every world size and rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.analysis.parity.compare import (
    Comparison,
    Margin,
    Obstacle,
    Quantity,
    compare_quality,
    compare_samples,
)
from ray_bench.analysis.parity.history import Histories
from ray_bench.analysis.parity.mlperf import RcpTest, reference_test
from ray_bench.analysis.parity.multiplicity import holm
from ray_bench.analysis.parity.outcomes import Cell, Outcome, by_seed, quality_of
from ray_bench.analysis.parity.power import Needed, needed
from ray_bench.analysis.parity.trainings import Training, joined, label_of, rules_of, trainings
from ray_bench.config.metric_target import MetricTarget
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate

Verdict = Literal["equivalent", "worse", "better", "not_shown", "too_few_runs"]

#: Error rate of each of the two families of claims, over all world sizes and rules.
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """A world size and rule against the baseline."""

    world_size: int
    lr_rules: tuple[str, ...]  # several where they are one training
    verdict: Verdict
    comparison: Comparison
    effect: Estimate | None  # of accuracy a difference, else a relative change; 95 %, by itself
    p_equivalent: float  # adjusted for all comparisons of the quantity, as is the next
    p_different: float
    needed: Needed | None  # pairs in all; None where the spread is not known

    @property
    def lr_rule(self) -> str:
        """The rule, or with / between them all that are this training."""
        return joined(self.lr_rules)

    @property
    def quantity(self) -> Quantity:
        """What was compared."""
        return self.comparison.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """All comparisons of a group."""

    reference_size: int
    margin: Margin
    target: MetricTarget | None  # None: none was asked for
    rows: tuple[ParityRow, ...]  # quality, then samples to target; by world size and rule
    rcp: Mapping[Cell, RcpTest]  # MLPerf's test on epochs to the target
    reference_error_frac: float | None = None  # 1 - mean final accuracy of the baseline

    def of(self, quantity: str) -> tuple[ParityRow, ...]:
        """Return the rows of a quantity."""
        return tuple(x for x in self.rows if x.quantity == quantity)


def parity(
    runs: Sequence[RunRecord],
    found: Histories,
    target: MetricTarget | None,
    margin: Margin | None = None,
) -> Parity | None:
    """Compare every world size and rule with the smallest world size.

    Args:
        runs: Finished and diverged ones, of one group of comparable runs.
        found: Evaluations by run.
        target: Fixed before the runs were looked at: a target that is read off
            them is reached by construction.
        margin: What counts as the same.

    Returns:
        None where there is nothing to compare: one world size, or no evaluation.
    """
    sizes = {run.point.world_size for run in runs}
    quality, margin = quality_of(runs), margin or Margin()
    if len(sizes) < 2 or quality is None:
        return None
    known = trainings(runs, found)
    base = [those for those in known if those[0].point.world_size == min(sizes)]
    sides: dict[Cell, tuple[Sequence[Outcome], Sequence[Outcome]]] = {}
    for those in sorted((x for x in known if x not in base), key=_cell):
        of_both = [by_seed(x, found, quality, target) for x in (those, _reference(those, base))]
        sides[_cell(those)] = (of_both[0], of_both[1])
    rules = {_cell(those): rules_of(those) for those in known}
    compared = {c: compare_quality(*x, quality, margin.of(quality)) for c, x in sides.items()}
    rows = _judged(compared, rules)
    if target is not None:
        compared = {c: compare_samples(*x, margin.of("samples")) for c, x in sides.items()}
        rows += _judged(compared, rules)
    everyone = by_seed([run for those in base for run in those], found, quality, target)
    return Parity(
        reference_size=min(sizes),
        margin=margin,
        target=target,
        rows=rows,
        rcp=_reference_tests(sides) if target is not None else {},
        reference_error_frac=_error_frac(everyone) if quality == "accuracy" else None,
    )


def _cell(training: Training) -> Cell:
    return training[0].point.world_size, label_of(training)


def _reference(training: Training, base: Sequence[Training]) -> list[RunRecord]:
    """Return the baseline's runs with the same rule, else all: rules differ where batches grow."""
    rules = set(rules_of(training))
    own = [run for those in base if rules & set(rules_of(those)) for run in those]
    return own or [run for those in base for run in those]


def _error_frac(side: Sequence[Outcome]) -> float | None:
    known = [x.quality for x in side if x.quality is not None]
    return 1 - math.fsum(known) / len(known) if known else None


def _judged(
    found: Mapping[Cell, Comparison | None], rules: Mapping[Cell, tuple[str, ...]]
) -> tuple[ParityRow, ...]:
    known = {cell: x for cell, x in found.items() if x is not None}
    equal = holm([x.p_equivalent for x in known.values()])
    other = holm([x.p_different for x in known.values()])
    return tuple(
        _row((cell[0], rules[cell]), x, p_equivalent, p_different, len(known))
        for (cell, x), p_equivalent, p_different in zip(known.items(), equal, other, strict=True)
    )


def _row(
    cell: tuple[int, tuple[str, ...]],
    found: Comparison,
    p_equivalent: float,
    p_different: float,
    num_tests: int,
) -> ParityRow:
    # Holm's first step, the strictest: enough for every comparison, however the others come out.
    plan = _plan(found, ALPHA / num_tests)
    return ParityRow(
        world_size=cell[0],
        lr_rules=cell[1],
        verdict=_verdict(found, p_equivalent, p_different, plan),
        comparison=found,
        effect=_effect(found),
        p_equivalent=p_equivalent,
        p_different=p_different,
        needed=plan,
    )


def _plan(found: Comparison, alpha: float) -> Needed | None:
    difference = found.difference
    if difference is None or found.obstacle not in (None, Obstacle.FEW_SEEDS) or found.room <= 0:
        return None
    return needed(difference.spread, difference.df, found.room, difference.value, alpha=alpha)


def _verdict(
    found: Comparison, p_equivalent: float, p_different: float, plan: Needed | None
) -> Verdict:
    if p_equivalent <= ALPHA:
        return "equivalent"
    if p_different <= ALPHA:
        if found.p_diverged is not None:
            return "worse"
        value = found.difference.value if found.difference else 0.0
        return "worse" if (value < 0) == (found.quantity == "accuracy") else "better"
    if found.obstacle is Obstacle.FEW_SEEDS:
        return "too_few_runs"
    if plan is None:
        return "not_shown"
    wanted = plan.for_difference if found.seems_beyond else plan.for_80
    return "too_few_runs" if wanted is None or wanted > found.num_pairs else "not_shown"


def _effect(found: Comparison) -> Estimate | None:
    if found.difference is None:
        return None
    estimate = found.difference.estimate
    if found.quantity == "accuracy":  # shares differ by 1 at most
        return estimate.mapped(lambda x: min(1.0, max(-1.0, x)))
    return estimate.mapped(math.expm1)


def _reference_tests(
    sides: Mapping[Cell, tuple[Sequence[Outcome], Sequence[Outcome]]],
) -> dict[Cell, RcpTest]:
    taken = {cell: [_epochs(side) for side in found] for cell, found in sides.items()}
    return {cell: reference_test(x[0], x[1]) for cell, x in taken.items() if x[0] and x[1]}


def _epochs(side: Sequence[Outcome]) -> list[float]:
    """Return epochs to the target of every seed, inf where it did not get there."""
    found = [math.inf if x.is_diverged else _epoch(x) for x in side]
    return [x for x in found if x is not None]


def _epoch(outcome: Outcome) -> float | None:
    if outcome.reached is None:
        return None
    return math.inf if outcome.reached.epoch is None else outcome.reached.epoch
