"""Throughput by world size, with an interval from repeats or from within the runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ray_bench.analysis.blocks import block_throughput
from ray_bench.analysis.estimate import LogEstimate, Source, satterthwaite_df
from ray_bench.records import RunRecord

#: Runs per world size, on average, from which the spread between runs is used.
MIN_MEAN_RUNS = 2
#: Smaller relative variances are rounding: 1e-9 of the value, squared.
MIN_VARIANCE = 1e-18

Key = TypeVar("Key")
Blocks = Mapping[str, Mapping[str, np.ndarray]]


def log_means(samples: Sequence[Sequence[float]]) -> list[LogEstimate]:
    """Return the mean logarithm of every sample, each with the variance of its own values.

    s_i^2 = sum_j (ln x_ij - mean_i)^2 / (n_i - 1); Var(mean_i) = s_i^2 / n_i, df = n_i - 1. One
    variance for all world sizes would be narrower, but it is wrong where the noise differs: with
    three runs each and one world size three times as noisy, a 95 % interval of its speedup covers
    85 % with a pooled variance and 95 % with its own (tests/analysis/test_coverage.py). A sample
    with a single value takes the pooled variance of the others. With fewer than two values per
    sample on average there is no variance.
    """
    logs = [np.log(np.asarray(values, dtype=float)) for values in samples]
    num_values = sum(len(x) for x in logs)
    df = num_values - len(logs)
    if df < 1 or num_values < MIN_MEAN_RUNS * len(logs):
        return [LogEstimate(float(x.mean()), None, None, len(x), "none") for x in logs]
    pooled = sum(float(((x - x.mean()) ** 2).sum()) for x in logs) / df
    return [_log_mean(x, pooled, df) for x in logs]


def _log_mean(logs: np.ndarray, pooled: float, pooled_df: int) -> LogEstimate:
    count = len(logs)
    own, df = (float(logs.var(ddof=1)), count - 1) if count > 1 else (pooled, pooled_df)
    return LogEstimate(float(logs.mean()), max(own, MIN_VARIANCE) / count, df, count, "repeats")


def pooled(throughput: Mapping[Key, LogEstimate]) -> dict[Key, LogEstimate]:
    """Return the same means with one relative variance of a run, pooled over the world sizes.

    s^2 = sum_i df_i s_i^2 / sum_i df_i, Var(mean_i) = s^2 / n_i. For a fit over all world sizes:
    weights from the two degrees of freedom of three runs would be noise themselves. Estimates that
    do not come from repeats are returned as they are.
    """
    own = [x for x in throughput.values() if x.num_runs > 1 and x.source == "repeats"]
    if not own or any(x.source != "repeats" for x in throughput.values()):
        return dict(throughput)
    df = sum(x.df or 0.0 for x in own)
    variance = sum((x.df or 0.0) * (x.variance or 0.0) * x.num_runs for x in own) / df
    return {
        n: LogEstimate(x.log_mean, variance / x.num_runs, df, x.num_runs, "repeats")
        for n, x in throughput.items()
    }


def source_of(estimates: Iterable[LogEstimate]) -> Source:
    """Return where the intervals come from; of several sources, the weaker one."""
    found = {x.source for x in estimates}
    if not found or found == {"none"}:
        return "none"
    return "repeats" if found == {"repeats"} else "within_run"


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
