"""Which rank spends more time on which phase than the others."""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.analysis.rank_times import RankTime
from ray_bench.analysis.stragglers import OWN_PHASES
from ray_bench.report.cells import number
from ray_bench.report.context import Context, workers
from ray_bench.report.format import show
from ray_bench.report.picture import Picture

#: More ranks than that are not told apart; the slowest ones are drawn.
MAX_RANKS = 32


def rank_times(context: Context) -> Picture | None:
    """Return the phases of every rank, at the world size with the slowest rank, or the largest."""
    size = _size(context)
    if size is None:
        return None
    found = context.study.rank_times[size]
    kept = _slowest(found)
    rows = tuple(
        {
            "world_size": size,
            "rank": x.rank,
            "phase": x.phase.replace("_", " "),
            "kind": "measured",
            "step_s": number(x.step_s, "s").value,
            "behind_frac": number(x.behind_frac, "frac").value,
        }
        for x in found
        if x.rank in kept
    )
    notes = [
        f"At {workers(size)}. Mean over sampled steps and runs, less the median of all ranks, as a "
        "share of the whole step. A slow rank takes longer for its own work (data wait to "
        "backward), and waits less for the others (skew wait)."
    ]
    if len(kept) < size:
        notes.append(f"The {len(kept)} ranks that are slowest in their own work, of {size}.")
    return Picture(
        key=context.key("rank_times"),
        title=context.title("Time by rank and phase against the median rank"),
        alt=_alt(context, size, found),
        section=context.key("phases"),
        chart="heatmap",
        rows=rows,
        notes=tuple(notes),
    )


def _size(context: Context) -> int | None:
    lags = context.study.lags
    slow = [n for n, found in lags.items() if found and n in context.study.rank_times]
    if slow:
        return max(slow, key=lambda n: lags[n][0].seconds.value)
    return max(context.study.rank_times, default=None)


def _slowest(found: Sequence[RankTime]) -> set[int]:
    own: dict[int, float] = {}
    for x in found:
        own[x.rank] = own.get(x.rank, 0.0) + (x.behind_frac if x.phase in OWN_PHASES else 0.0)
    return set(sorted(own, key=lambda rank: -own[rank])[:MAX_RANKS])


def _alt(context: Context, size: int, found: Sequence[RankTime]) -> str:
    worst = max(found, key=lambda x: x.behind_frac if x.phase in OWN_PHASES else 0.0)
    behind = show(number(worst.behind_frac, "frac")).value
    slow = [str(lag.rank) for lag in context.study.lags.get(size, ())]
    named = f"Surely slower: rank {', '.join(slow)}." if slow else "No rank is surely slower."
    return (
        f"Time by rank and phase with {workers(size)}. The most by which a rank is behind the "
        f"median rank is {behind} of the step: rank {worst.rank}, "
        f"{worst.phase.replace('_', ' ')}. {named}"
    )
