"""What faults cost: steps, worker-seconds and money of attempts that came to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ray_bench.records import Columns, Point, RunRecord

_S_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """An attempt that came to nothing, beside an undisturbed run of its point."""

    run: RunRecord
    num_steps: int | None  # that it had made; None where it left no blocks
    worker_s: float  # world size x seconds, start-up included
    undisturbed_worker_s: float | None  # mean of the point's good runs; None without one

    @property
    def frac(self) -> float | None:
        """Its worker-seconds as a share of an undisturbed run's."""
        whole_s = self.undisturbed_worker_s
        return self.worker_s / whole_s if whole_s else None

    def cost(self, price_per_worker_hour: float | None) -> float | None:
        """Return the money that it cost; None without a price."""
        if price_per_worker_hour is None:
            return None
        return self.worker_s * price_per_worker_hour / _S_PER_HOUR


def disturbances(
    attempts: Sequence[RunRecord], steps: Mapping[tuple[str, int], int] | None = None
) -> tuple[Disturbance, ...]:
    """Return every attempt of a sweep that has to be made again, or had to be, in their order.

    Args:
        attempts: All attempts of all runs, those that another one followed included.
        steps: Steps that an attempt had made, by run id and attempt.
    """
    whole_s = _undisturbed(attempts)
    return tuple(
        Disturbance(
            run=run,
            num_steps=(steps or {}).get((run.run_id, run.attempt)),
            worker_s=_worker_s(run),
            undisturbed_worker_s=whole_s.get(run.point),
        )
        for run in sorted(attempts, key=lambda run: run.started_at_utc)
        if run.must_repeat
    )


def steps_made(blocks: Columns) -> int | None:
    """Return the steps of an attempt's blocks, of the rank that came furthest.

    Args:
        blocks: Of one attempt: `rank` and `num_steps`, shape (num_blocks,).
    """
    if not blocks or not len(blocks["rank"]):
        return None
    return int(np.bincount(blocks["rank"], weights=blocks["num_steps"]).max())


def _undisturbed(attempts: Sequence[RunRecord]) -> Mapping[Point, float]:
    good: dict[Point, list[float]] = {}
    for run in attempts:
        if not run.must_repeat:
            good.setdefault(run.point, []).append(_worker_s(run))
    return {point: fmean(seconds) for point, seconds in good.items()}


def _worker_s(run: RunRecord) -> float:
    return run.point.world_size * run.wall_s
