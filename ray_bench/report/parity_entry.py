"""Parity as data: what the JSON report has under `parity`."""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.analysis.parity.mlperf import RcpTest, RcpVerdict
from ray_bench.analysis.parity.study import ParityRow, Verdict
from ray_bench.report.cells import Cell, estimate, number
from ray_bench.report.parity_words import more_seeds, summary
from ray_bench.report.sections.parity import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityVerdict:
    """One quantity of a world size and rule against the baseline."""

    quantity: str  # accuracy, loss, samples (to the target)
    world_size: int
    lr_rule: str  # with / between them where several are one training
    lr_rules: tuple[str, ...]
    verdict: Verdict
    effect: Cell  # points, else a relative change; its 95 % interval by itself
    margin: Cell
    p_equivalent: float  # both held over all rows of the quantity
    p_different: float
    num_seeds: int
    num_diverged: int
    num_stopped: int
    num_not_reached: int
    num_reference_diverged: int  # those that were stopped included
    num_worse: int | None  # beyond the margin, diverged ones included; None: of samples
    more_seeds: int | None  # that are missing; None: no more are, or it cannot be told


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceVerdict:
    """MLPerf's reference-convergence test of a world size and rule, on epochs to the target."""

    world_size: int
    lr_rule: str
    verdict: RcpVerdict
    num_runs: int
    wanted_runs: int
    num_reference_runs: int
    wanted_reference_runs: int
    mean_epochs: Cell  # olympic, as the next
    reference_mean_epochs: Cell
    least_mean_epochs: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityEntry:
    """Whether more workers reach the same model, of one curve."""

    curve: str | None  # which of several; None: of all of them
    reference_size: int
    target: str | None  # such as `accuracy>=0.9`
    says: tuple[str, ...]
    rows: tuple[ParityVerdict, ...]
    reference_convergence: tuple[ReferenceVerdict, ...]


def parity_entry(found: Judged) -> ParityEntry:
    """Return the verdicts of one curve as data."""
    judged = found.parity
    return ParityEntry(
        curve=None if found.is_of_all else found.context.name,
        reference_size=judged.reference_size,
        target=None if judged.target is None else str(judged.target),
        says=tuple(summary(judged)),
        rows=tuple(_row(row, judged.margin.frac_of(row.quantity)) for row in judged.rows),
        reference_convergence=tuple(_reference(*cell, x) for cell, x in judged.rcp.items()),
    )


def _row(row: ParityRow, margin: float) -> ParityVerdict:
    found = row.comparison
    is_difference = row.quantity == "accuracy"
    return ParityVerdict(
        quantity=row.quantity,
        world_size=row.world_size,
        lr_rule=row.lr_rule,
        lr_rules=row.lr_rules,
        verdict=row.verdict,
        effect=estimate(row.effect, "points" if is_difference else "change"),
        margin=Cell(margin, "points" if is_difference else "change"),
        p_equivalent=row.p_equivalent,
        p_different=row.p_different,
        num_seeds=found.num_seeds,
        num_diverged=found.num_diverged - found.num_stopped,
        num_stopped=found.num_stopped,
        num_not_reached=found.num_not_reached,
        num_reference_diverged=found.num_reference_diverged,
        num_worse=None if row.quantity == "samples" else found.num_worse,
        more_seeds=more_seeds(row),
    )


def _reference(size: int, rule: str, found: RcpTest) -> ReferenceVerdict:
    return ReferenceVerdict(
        world_size=size,
        lr_rule=rule,
        verdict=found.verdict,
        num_runs=found.num_runs,
        wanted_runs=found.wanted_runs,
        num_reference_runs=found.num_reference_runs,
        wanted_reference_runs=found.wanted_reference_runs,
        mean_epochs=number(found.mean, "count"),
        reference_mean_epochs=number(found.reference_mean, "count"),
        least_mean_epochs=number(found.least_mean, "count"),
    )
