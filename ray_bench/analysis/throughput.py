"""Throughput by world size, with an interval from repeats or from within the runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ray_bench.analysis.blocks import block_throughput
from ray_bench.analysis.estimate import LogEstimate, satterthwaite_df
from ray_bench.records import RunRecord

#: Runs per world size, on average, from which the spread between runs is used.
MIN_MEAN_RUNS = 2
#: Smaller relative variances are rounding: 1e-9 of the value, squared.
_MIN_VARIANCE = 1e-18

Blocks = Mapping[str, Mapping[str, np.ndarray]]


def pooled_log_means(samples: Sequence[Sequence[float]]) -> list[LogEstimate]:
    """Return the mean logarithm of every sample, with one variance pooled over all of them.

    s^2 = sum_ij (ln x_ij - mean_i)^2 / sum_i (n_i - 1); Var(mean_i) = s^2 / n_i. Relative noise is
    taken to be equal at all world sizes, which buys degrees of freedom where repeats are few.
    Without repeats, or with fewer than two values per sample on average, there is no variance.
    """
    logs = [np.log(np.asarray(values, dtype=float)) for values in samples]
    num_values = sum(len(x) for x in logs)
    df = num_values - len(logs)
    if df < 1 or num_values < MIN_MEAN_RUNS * len(logs):
        return [LogEstimate(float(x.mean()), None, None, len(x), "none") for x in logs]
    pooled = max(sum(float(((x - x.mean()) ** 2).sum()) for x in logs) / df, _MIN_VARIANCE)
    return [LogEstimate(float(x.mean()), pooled / len(x), df, len(x), "repeats") for x in logs]


def throughputs(runs: Sequence[RunRecord], blocks: Blocks) -> dict[int, LogEstimate]:
    """Return samples/s by world size; a world size without a timed run is left out."""
    by_size: dict[int, list[LogEstimate]] = {}
    for run in runs:
        single = run_throughput(run, blocks)
        if single is not None:
            by_size.setdefault(run.point.world_size, []).append(single)
    sizes = sorted(by_size)
    pooled = pooled_log_means([[math.exp(x.log_mean) for x in by_size[n]] for n in sizes])
    if all(estimate.source == "repeats" for estimate in pooled):
        return dict(zip(sizes, pooled, strict=True))
    return {n: _mean_within(by_size[n]) for n in sizes}


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
    variance = max(sum(v for v, _ in parts) / count**2, _MIN_VARIANCE)
    return LogEstimate(log_mean, variance, satterthwaite_df(parts), count, "within_run")
