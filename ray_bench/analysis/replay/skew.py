"""Waiting for the slowest of N workers, each of which takes a little longer or shorter by chance.

With step times that are normal with the standard deviation s, the slowest of N takes s m_N longer
than the mean, m_N = E[max of N standard normals] = integral of x N phi(x) Phi(x)^(N-1) dx (Gumbel
1958, Statistics of Extremes), about sqrt(2 ln N).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.stragglers import own_times

_GRID = np.linspace(-12.0, 12.0, 4801)

Table = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation of a worker's own time from step to step, and what it rests on."""

    seconds: float
    df: float


def expected_max(count: int) -> float:
    """Return E[max of `count` standard normals]: 0, 0.564, ..., 1.424 for 8."""
    from scipy.special import log_ndtr

    log_density = -0.5 * _GRID**2 - 0.5 * np.log(2 * np.pi) + (count - 1) * log_ndtr(_GRID)
    return float((_GRID * count * np.exp(log_density)).sum() * (_GRID[1] - _GRID[0]))


def step_spread(tables: Sequence[Table]) -> Spread | None:
    """Return the spread of the ranks' own times; None below two sampled steps.

    What all ranks of a step have in common, and what a rank always has, is taken out where there
    are several ranks. With one rank all of its spread counts, so it is an upper bound.
    """
    squares, df = 0.0, 0
    for table in tables:
        own = own_times(table).sum(axis=2)  # shape (num_steps, num_ranks)
        steps, ranks = own.shape
        rest = own - own.mean(axis=0)
        if ranks > 1:
            rest = rest - rest.mean(axis=1, keepdims=True)
        squares += float((rest**2).sum())
        df += (steps - 1) * max(ranks - 1, 1)
    return Spread((squares / df) ** 0.5, float(df)) if df > 0 else None
