"""Throughput of one run from its timed blocks, with the spread within the run."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ray_bench.stats.log_estimate import LogEstimate
from ray_bench.stats.means import effective_count
from ray_bench.stats.throughput import job_rate

#: Steps are correlated in time: totals of many steps are the observations, 20 to 30 of them.
MAX_BATCHES = 30
NUM_BATCHES = 20
MIN_BATCHES = 3
_MIN_DF = 2.0


def job_blocks(blocks: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds and samples of every steady block of the job, shape (num_blocks,) each.

    Samples are summed over ranks; the duration is that of the slowest rank.
    """
    steady = ~blocks["is_warmup"].astype(bool)
    numbers, index = np.unique(blocks["block"][steady], return_inverse=True)
    duration_s = np.zeros(len(numbers))
    num_samples = np.zeros(len(numbers))
    np.maximum.at(duration_s, index, blocks["duration_s"][steady].astype(float))
    np.add.at(num_samples, index, blocks["num_samples"][steady].astype(float))
    return duration_s, num_samples


def block_throughput(blocks: Mapping[str, np.ndarray]) -> LogEstimate | None:
    """Return samples/s of one run, as `stats.throughput` defines it, with a batch-means variance.

    Consecutive blocks are added up to at most 30 batches; with z_i = t_i - R n_i, in which
    R = sum(t) / sum(n), Var(ln X) = k/(k-1) sum(z_i^2) / sum(t_i)^2, a ratio estimator with k - 1
    degrees of freedom (Law and Kelton, batch means; Cochran 1977, ratio estimation). What
    correlation r is left between neighbouring batches divides their number:
    k_eff = k (1 - r) / (1 + r).
    """
    duration_s, num_samples = job_blocks(blocks)
    total_s, total = float(duration_s.sum()), float(num_samples.sum())
    if total_s <= 0 or total <= 0:
        return None
    steady = ~blocks["is_warmup"].astype(bool)
    columns = (blocks[name][steady] for name in ("rank", "duration_s", "num_samples"))
    rate = job_rate(*columns)
    if rate is None:
        return None
    log_mean = math.log(rate)
    seconds, samples = _batches(duration_s), _batches(num_samples)
    count = len(seconds)
    if count < MIN_BATCHES:
        return LogEstimate(log_mean, None, None, 1, "none")
    residual = seconds - samples * total_s / total
    effective = effective_count(residual)
    variance = count / (count - 1) * float(residual @ residual) / total_s**2
    df = max(effective - 1, _MIN_DF)
    return LogEstimate(log_mean, variance * count / effective, df, 1, "within_run")


def _batches(values: np.ndarray) -> np.ndarray:
    if len(values) <= MAX_BATCHES:
        return values
    edges = np.linspace(0, len(values), NUM_BATCHES + 1).astype(int)[:-1]
    return np.asarray(np.add.reduceat(values, edges))
