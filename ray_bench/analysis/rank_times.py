"""What every rank of a world size spends on every phase, and by how much it stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import codes_of
from ray_bench.records import PHASES, RunRecord

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTime:
    """One phase on one rank: means over sampled steps, then over runs."""

    rank: int
    phase: str
    step_s: float
    behind_frac: float  # less the median of all ranks, as a share of the whole step


def rank_times(runs: Sequence[RunRecord], tables: Tables) -> Mapping[int, tuple[RankTime, ...]]:
    """Return the times by world size; those of one rank are left out, as are incomplete runs.

    Args:
        runs: Of one group of comparable runs.
        tables: Phase records by run.

    Returns:
        By world size, ascending: rank by rank, the phases in their order.
    """
    by_size: dict[int, list[dict[str, np.ndarray]]] = {}
    for run in runs:
        if run.run_id in tables and run.point.world_size > 1:
            found = _run_times(tables[run.run_id], run.point.world_size)
            if found:
                by_size.setdefault(run.point.world_size, []).append(found)
    return {n: _rows(n, by_size[n]) for n in sorted(by_size)}


def _run_times(table: Mapping[str, np.ndarray], world_size: int) -> dict[str, np.ndarray]:
    """Return seconds per step by phase, of shape (world_size,); nothing where a rank is missing."""
    ranks = table["rank"].astype(int)
    if len(ranks) == 0 or len(np.unique(ranks)) != world_size or ranks.max() >= world_size:
        return {}
    codes, names = codes_of(table["phase"].tolist())
    totals = np.bincount(
        codes * world_size + ranks,
        weights=table["duration_s"].astype(float),
        minlength=len(names) * world_size,
    )
    steps = len(np.unique(table["step"]))
    seconds = totals.reshape(len(names), world_size) / steps
    return {str(name): row for name, row in zip(names, seconds, strict=True) if row.any()}


def _rows(world_size: int, found: Sequence[Mapping[str, np.ndarray]]) -> tuple[RankTime, ...]:
    names = dict.fromkeys(name for one in found for name in one)
    order = [name for name in PHASES if name in names] + [n for n in names if n not in PHASES]
    nothing = np.zeros(world_size)
    seconds = {x: np.mean([one.get(x, nothing) for one in found], axis=0) for x in order}
    step_s = float(sum(row.mean() for row in seconds.values()))
    return tuple(
        RankTime(
            rank=rank,
            phase=name,
            step_s=float(row[rank]),
            behind_frac=float(row[rank] - np.median(row)) / step_s,
        )
        for rank in range(world_size)
        for name, row in seconds.items()
    )
