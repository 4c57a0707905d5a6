"""What faults cost: steps, worker-seconds and money of attempts that came to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ray_bench.records import Point, RunRecord

_S_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """An attempt that came to nothing, beside an undisturbed run of its point."""

    run: RunRecord
    worker_s: float  # world size x seconds, start-up included
    undisturbed_worker_s: float | None  # mean of the point's good runs; None without one

    @property
    def num_steps(self) -> int | None:
        """Steps that it had made; None where it left no blocks."""
        return self.run.num_steps

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


def disturbances(attempts: Sequence[RunRecord]) -> tuple[Disturbance, ...]:
    """Return every attempt of a sweep that has to be made again, or had to be, in their order.

    Args:
        attempts: All attempts of all runs, those that another one followed included.
    """
    whole_s = _undisturbed(attempts)
    return tuple(
        Disturbance(
            run=run,
            worker_s=_worker_s(run),
            undisturbed_worker_s=whole_s.get(run.point),
        )
        for run in sorted(attempts, key=lambda run: run.started_at_utc)
        if run.must_repeat
    )


def _undisturbed(attempts: Sequence[RunRecord]) -> Mapping[Point, float]:
    good: dict[Point, list[float]] = {}
    for run in attempts:
        if not run.must_repeat:
            good.setdefault(run.point, []).append(_worker_s(run))
    return {point: fmean(seconds) for point, seconds in good.items()}


def _worker_s(run: RunRecord) -> float:
    return run.point.world_size * run.wall_s
