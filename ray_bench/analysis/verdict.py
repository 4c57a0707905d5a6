"""What limits scaling, the evidence for it, and how many workers to use. Data, no sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.phases import PhaseSplit, lost_s
from ray_bench.analysis.scaling import ScalingRow, step_ratio
from ray_bench.records import RunRecord

#: At or above this efficiency nothing is said to limit scaling.
GOOD_EFFICIENCY_FRAC = 0.95
#: A world size below this efficiency costs twice the baseline or more, and is not recommended.
MIN_EFFICIENCY_FRAC = 0.50
#: Runs with this flag say nothing about scaling.
NO_CLAIM_FLAG = "oversubscribed"


class Bottleneck(Enum):
    """What takes the time that ideal scaling would not take."""

    NONE = "none"
    COMMUNICATION = "communication"
    DATA = "data"
    COMPUTE = "compute"
    OPTIMIZER = "optimizer"
    OTHER = "other"
    UNSEEN = "unseen"  # time is lost, but no phase of the phase pass loses any
    NO_PHASES = "no_phases"
    NOT_MEASURED = "not_measured"
    OVERSUBSCRIBED = "oversubscribed"


class Reason(Enum):
    """Why a world size is recommended, or none is."""

    FASTEST = "fastest"  # the largest that was measured
    NEXT_NOT_FASTER = "next_not_faster"  # the next world size is not shown to be faster
    NEXT_TOO_COSTLY = "next_too_costly"  # the next world size is below the lowest efficiency
    ONE_WORLD_SIZE = "one_world_size"
    NO_INTERVAL = "no_interval"
    OVERSUBSCRIBED = "oversubscribed"
    NOTHING_MEASURED = "nothing_measured"


_PHASE_BOTTLENECK = {
    "exposed_comm": Bottleneck.COMMUNICATION,
    "data_wait": Bottleneck.DATA,
    "host_to_device": Bottleneck.DATA,
    "forward": Bottleneck.COMPUTE,
    "loss": Bottleneck.COMPUTE,
    "backward": Bottleneck.COMPUTE,
    "optimizer": Bottleneck.OPTIMIZER,
    "other": Bottleneck.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the measurements say, and how surely."""

    bottleneck: Bottleneck
    judged_at: int | None  # the world size at which the bottleneck was looked for
    lost_s: float | None  # seconds per step beyond ideal scaling, of the bottleneck
    total_lost_s: float | None  # of all phases that lose
    recommended: int | None
    reason: Reason
    next_size: int | None  # the world size that was turned down


def judge(
    runs: Sequence[RunRecord],
    throughput: Mapping[int, LogEstimate],
    rows: Sequence[ScalingRow],
    splits: Sequence[PhaseSplit],
) -> Verdict:
    """Return the verdict on one curve, from the world sizes that carry a claim."""
    claimed = clean_sizes(runs)
    if claimed:
        rows = [row for row in rows if row.world_size in claimed]
    recommended, reason, next_size = _recommend(runs, throughput, rows)
    bottleneck, lost, total = _bottleneck(runs, rows, splits)
    return Verdict(
        bottleneck=bottleneck,
        judged_at=rows[-1].world_size if len(rows) > 1 else None,
        lost_s=lost,
        total_lost_s=total,
        recommended=recommended,
        reason=reason,
        next_size=next_size,
    )


def clean_sizes(runs: Sequence[RunRecord]) -> tuple[int, ...]:
    """Return the world sizes of which no run was oversubscribed; only these carry a claim."""
    sizes = {run.point.world_size for run in runs}
    flagged = {run.point.world_size for run in runs if NO_CLAIM_FLAG in run.flags}
    return tuple(sorted(sizes - flagged))


def _recommend(
    runs: Sequence[RunRecord],
    throughput: Mapping[int, LogEstimate],
    rows: Sequence[ScalingRow],
) -> tuple[int | None, Reason, int | None]:
    """Go up the world sizes and take every one that is surely faster than the last one taken.

    Surely: the 95 % interval of the ratio is above 1. One that is not, or that is below the lowest
    efficiency, is passed over: a larger one may still be taken.
    """
    if not rows:
        return None, Reason.NOTHING_MEASURED, None
    if not clean_sizes(runs):
        return None, Reason.OVERSUBSCRIBED, None
    if len(rows) == 1:
        if len(clean_sizes(runs)) < len({run.point.world_size for run in runs}):
            return None, Reason.OVERSUBSCRIBED, None
        return None, Reason.ONE_WORLD_SIZE, None
    if any(row.speedup.low is None for row in rows[1:]):
        return None, Reason.NO_INTERVAL, None
    best, reason, turned_down = rows[0].world_size, Reason.FASTEST, None
    for row in rows[1:]:
        refusal = _refusal(throughput, row, best)
        if refusal is None:
            best, reason, turned_down = row.world_size, Reason.FASTEST, None
        elif turned_down is None:
            reason, turned_down = refusal, row.world_size
    return best, reason, turned_down


def _refusal(throughput: Mapping[int, LogEstimate], row: ScalingRow, best: int) -> Reason | None:
    low = step_ratio(throughput, row.world_size, best).low
    if low is None or low <= 1:
        return Reason.NEXT_NOT_FASTER
    return Reason.NEXT_TOO_COSTLY if row.efficiency_frac.value < MIN_EFFICIENCY_FRAC else None


def _bottleneck(
    runs: Sequence[RunRecord], rows: Sequence[ScalingRow], splits: Sequence[PhaseSplit]
) -> tuple[Bottleneck, float | None, float | None]:
    """Return the group of phases that loses most at the largest world size."""
    if not clean_sizes(runs):
        return Bottleneck.OVERSUBSCRIBED, None, None
    if len(rows) < 2:
        return Bottleneck.NOT_MEASURED, None, None
    if (rows[-1].efficiency_frac.high or rows[-1].efficiency_frac.value) >= GOOD_EFFICIENCY_FRAC:
        return Bottleneck.NONE, None, None
    by_size = {split.world_size: split for split in splits}
    split, baseline = by_size.get(rows[-1].world_size), by_size.get(rows[0].world_size)
    if split is None or baseline is None:
        return Bottleneck.NO_PHASES, None, None
    return _largest_loss(split, baseline)


def _largest_loss(
    split: PhaseSplit, baseline: PhaseSplit
) -> tuple[Bottleneck, float | None, float | None]:
    lost: dict[Bottleneck, float] = {}
    for phase, seconds in lost_s(split, baseline).items():
        kind = _PHASE_BOTTLENECK.get(phase, Bottleneck.OTHER)
        lost[kind] = lost.get(kind, 0.0) + seconds
    worst = max(lost, key=lost.__getitem__)
    if lost[worst] <= 0:
        return Bottleneck.UNSEEN, None, None
    return worst, lost[worst], sum(x for x in lost.values() if x > 0)
