"""What limits scaling, and the evidence for it. Data, no sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.batches import batch_by_size
from ray_bench.analysis.losses import Bottleneck, Loss, Steps, losses, of_the_boundary
from ray_bench.analysis.nodes import BoundaryFall
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import RunRecord

#: At or above this efficiency nothing is said to limit scaling.
GOOD_EFFICIENCY_FRAC = 0.95
#: Runs with this flag say nothing about scaling.
NO_CLAIM_FLAG = "oversubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the measurements say, and how surely."""

    bottleneck: Bottleneck
    judged_at: int | None  # the world size at which the bottleneck was looked for
    losses: tuple[Loss, ...]  # what loses time at that world size, the most first

    @property
    def worst(self) -> Loss | None:
        """What loses most: the bottleneck, its phase, its ranks and its evidence."""
        return self.losses[0] if self.losses else None

    @property
    def has_phases(self) -> bool:
        """Whether the losses are those of the phase pass; else throughput alone shows them."""
        return any(loss.phase is not None for loss in self.losses)

    @property
    def lost_s(self) -> float | None:
        """Seconds per step beyond ideal scaling that the bottleneck explains."""
        return self.losses[0].seconds if self.losses else None

    @property
    def total_lost_s(self) -> float | None:
        """Seconds per step beyond ideal scaling of everything that loses."""
        return sum(loss.seconds for loss in self.losses) if self.losses else None


def judge(
    runs: Sequence[RunRecord],
    rows: Sequence[ScalingRow],
    steps: Steps,
    fall: BoundaryFall | None = None,
) -> Verdict:
    """Return the verdict on one curve, from the world sizes that carry a claim.

    Args:
        runs: Of the curve.
        rows: Its speedups, the baseline first.
        steps: What the phase pass saw.
        fall: What efficiency lost at the node boundary, where that was shown.
    """
    claimed = clean_sizes(runs)
    if claimed:
        rows = [row for row in rows if row.world_size in claimed]
    bottleneck, losses = _bottleneck(runs, rows, steps, fall)
    return Verdict(
        bottleneck=bottleneck,
        judged_at=rows[-1].world_size if len(rows) > 1 else None,
        losses=losses,
    )


def clean_sizes(runs: Sequence[RunRecord]) -> tuple[int, ...]:
    """Return the world sizes of which no run was oversubscribed; only these carry a claim."""
    sizes = {run.point.world_size for run in runs}
    flagged = {run.point.world_size for run in runs if NO_CLAIM_FLAG in run.flags}
    return tuple(sorted(sizes - flagged))


def _bottleneck(
    runs: Sequence[RunRecord], rows: Sequence[ScalingRow], steps: Steps, fall: BoundaryFall | None
) -> tuple[Bottleneck, tuple[Loss, ...]]:
    """Return what loses most at the largest world size, and everything that loses there."""
    if not clean_sizes(runs):
        return Bottleneck.OVERSUBSCRIBED, ()
    if len(rows) < 2:
        return Bottleneck.NOT_MEASURED, ()
    if (rows[-1].efficiency_frac.high or rows[-1].efficiency_frac.value) >= GOOD_EFFICIENCY_FRAC:
        return Bottleneck.NONE, ()
    size = rows[-1].world_size
    if not steps.has_phases(rows[0].world_size, size):
        if fall is None:
            return Bottleneck.NO_PHASES, ()
        return Bottleneck.NODE_BOUNDARY, (_of_the_curve(fall, runs, rows[-1]),)
    found = losses(
        steps, rows[0].world_size, size, is_weak=runs[0].point.scaling == "weak", fall=fall
    )
    return (found[0].kind, found) if found else (Bottleneck.UNSEEN, ())


def _of_the_curve(fall: BoundaryFall, runs: Sequence[RunRecord], row: ScalingRow) -> Loss:
    """Return the loss at the boundary from throughput alone, at a world size beyond it."""
    step_s = batch_by_size(runs)[row.world_size] / row.throughput.value
    share = fall.boundary_frac * row.efficiency_frac.value / fall.beyond_frac
    return Loss(
        kind=Bottleneck.NODE_BOUNDARY, seconds=share * step_s, evidence=of_the_boundary(fall)
    )
