"""What limits scaling, and the evidence for it. Data, no sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.losses import Bottleneck, Loss, Steps, losses
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import RunRecord

#: At or above this efficiency nothing is said to limit scaling.
GOOD_EFFICIENCY_FRAC = 0.95
#: Below this efficiency the same work takes more than twice the worker-time.
MIN_EFFICIENCY_FRAC = 0.50
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
    def lost_s(self) -> float | None:
        """Seconds per step beyond ideal scaling that the bottleneck explains."""
        return self.losses[0].seconds if self.losses else None

    @property
    def total_lost_s(self) -> float | None:
        """Seconds per step beyond ideal scaling of everything that loses."""
        return sum(loss.seconds for loss in self.losses) if self.losses else None


def judge(runs: Sequence[RunRecord], rows: Sequence[ScalingRow], steps: Steps) -> Verdict:
    """Return the verdict on one curve, from the world sizes that carry a claim."""
    claimed = clean_sizes(runs)
    if claimed:
        rows = [row for row in rows if row.world_size in claimed]
    bottleneck, losses = _bottleneck(runs, rows, steps)
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
    runs: Sequence[RunRecord], rows: Sequence[ScalingRow], steps: Steps
) -> tuple[Bottleneck, tuple[Loss, ...]]:
    """Return what loses most at the largest world size, and everything that loses there."""
    if not clean_sizes(runs):
        return Bottleneck.OVERSUBSCRIBED, ()
    if len(rows) < 2:
        return Bottleneck.NOT_MEASURED, ()
    if (rows[-1].efficiency_frac.high or rows[-1].efficiency_frac.value) >= GOOD_EFFICIENCY_FRAC:
        return Bottleneck.NONE, ()
    if not steps.has_phases(rows[0].world_size, rows[-1].world_size):
        return Bottleneck.NO_PHASES, ()
    found = losses(
        steps, rows[0].world_size, rows[-1].world_size, is_weak=runs[0].point.scaling == "weak"
    )
    return (found[0].kind, found) if found else (Bottleneck.UNSEEN, ())
