"""Throughput by world size, with an interval from repeats or from within the runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ray_bench.analysis.blocks import block_throughput
from ray_bench.records import RunRecord
from ray_bench.stats.log_estimate import MIN_VARIANCE, LogEstimate, log_means
from ray_bench.stats.means import satterthwaite_df

Key = TypeVar("Key")
Blocks = Mapping[str, Mapping[str, np.ndarray]]


def throughputs(runs: Sequence[RunRecord], blocks: Blocks) -> dict[int, LogEstimate]:
    """Return samples/s by world size; a world size without a timed run is left out."""
    return throughputs_by(lambda run: run.point.world_size, runs, blocks)


def throughputs_by(
    key: Callable[[RunRecord], Key], runs: Sequence[RunRecord], blocks: Blocks
) -> dict[Key, LogEstimate]:
    """Return samples/s by anything that runs have, in ascending order."""
    found: dict[Key, list[LogEstimate]] = {}
    for run in runs:
        single = run_throughput(run, blocks)
        if single is not None:
            found.setdefault(key(run), []).append(single)
    keys = sorted(found)  # type: ignore[type-var]  # world sizes, or tuples of them
    repeats = log_means([[math.exp(x.log_mean) for x in found[k]] for k in keys])
    if all(estimate.source == "repeats" for estimate in repeats):
        return dict(zip(keys, repeats, strict=True))
    return {k: _mean_within(found[k]) for k in keys}


def run_throughput(run: RunRecord, blocks: Blocks) -> LogEstimate | None:
    """Return samples/s of one run: the recorded number, with the spread of its blocks."""
    rows = blocks.get(run.run_id)
    from_blocks = None if rows is None else block_throughput(rows)
    recorded = run.throughput_samples_per_s
    if recorded is None or not 0 < recorded < math.inf:
        return from_blocks
    if from_blocks is None:
        return LogEstimate(math.log(recorded), None, None, 1, "none")
    spread = (from_blocks.variance, from_blocks.df, 1, from_blocks.source)
    return LogEstimate(math.log(recorded), *spread)


def _mean_within(singles: Sequence[LogEstimate]) -> LogEstimate:
    count = len(singles)
    log_mean = sum(x.log_mean for x in singles) / count
    parts = tuple((x.variance, x.df) for x in singles if x.variance is not None and x.df)
    if len(parts) < count:
        return LogEstimate(log_mean, None, None, count, "none")
    variance = max(sum(v for v, _ in parts) / count**2, MIN_VARIANCE)
    return LogEstimate(log_mean, variance, satterthwaite_df(parts), count, "within_run")
