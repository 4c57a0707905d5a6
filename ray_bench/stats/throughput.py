"""Throughput of a job from the timed blocks of its ranks."""

from __future__ import annotations

import numpy as np


def job_seconds(rank: np.ndarray, duration_s: np.ndarray) -> float:
    """Return the seconds that a job took: the largest sum over the blocks of a rank.

    Not the sum of each block's largest: that is the mean of a maximum, and grows with the number of
    ranks by noise alone.

    Args:
        rank: Of every block, integers from 0, shape (n,), n > 0.
        duration_s: Shape (n,).
    """
    return float(np.bincount(rank, weights=duration_s).max())


def job_rate(rank: np.ndarray, duration_s: np.ndarray, amount: np.ndarray) -> float | None:
    """Return what a job did per second: all ranks' amounts over the time of the slowest one.

    A ratio of sums, never a mean of ratios. None where a clock that stepped backwards leaves no
    time at all.

    Args:
        rank: Of every block, integers from 0, shape (n,), n > 0.
        duration_s: Shape (n,).
        amount: Samples, or tokens, of every block, shape (n,).
    """
    seconds = job_seconds(rank, duration_s)
    return float(np.sum(amount)) / seconds if seconds > 0 else None
