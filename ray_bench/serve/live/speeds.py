"""Throughput so far by number of workers, with the interval that the finished runs give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.groups import INVALID_FLAGS, first_of_launches
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate, log_ratio, mean_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """One number of workers; rates in samples/s, of all workers."""

    world_size: int
    log_rate: LogEstimate
    rates: tuple[float, ...]  # of single runs

    @property
    def rate(self) -> Estimate:
        """The geometric mean over runs; no interval of a single one."""
        return self.log_rate.estimate

    @property
    def per_worker(self) -> Estimate:
        """Samples/s and worker."""
        return self.rate.scaled(1 / self.world_size)


def speeds(runs: Sequence[RunRecord]) -> tuple[Speed, ...]:
    """Return the throughput of the runs that count, ascending by the number of workers.

    Of world size 1 plain PyTorch, where it was measured so: what a speedup is over.
    """
    valid = [
        run
        for run in runs
        if run.is_finished
        and run.throughput_samples_per_s
        and not set(run.flags) & set(INVALID_FLAGS)
    ]
    has_plain = any(run.point.world_size == 1 and not run.point.is_ddp for run in valid)
    rates: dict[int, list[float]] = {}
    for run in first_of_launches(valid):
        is_beside = has_plain and run.point.world_size == 1 and run.point.is_ddp
        if not is_beside and run.throughput_samples_per_s:
            rates.setdefault(run.point.world_size, []).append(run.throughput_samples_per_s)
    return tuple(
        Speed(
            world_size=size,
            log_rate=mean_log([math.log(x) for x in found]),
            rates=tuple(found),
        )
        for size, found in sorted(rates.items())
    )


def speedup(of: Speed, over: Speed) -> Estimate:
    """Return how many times as fast more workers are as fewer."""
    return log_ratio(of.log_rate, over.log_rate).estimate
