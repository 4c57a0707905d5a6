"""Least squares with parameters that may not be negative, for many data sets at once.

With at most four parameters every set of parameters that are above 0 is tried (Lawson and Hanson
1974, chapter 23, without the search), so the minimum is exact and there is nothing to converge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

#: A column whose part that the others do not explain is smaller is left out.
_RANK_TOLERANCE = 1e-10


def solve(
    rows: np.ndarray, target: np.ndarray, is_free: Sequence[bool], needed: Sequence[int] = ()
) -> np.ndarray:
    """Minimise |rows p - target|^2 over p, with p >= 0 where a parameter is not free.

    Args:
        rows: shape (num_draws, num_points, num_parameters).
        target: shape (num_draws, num_points).
        is_free: of every parameter, whether it may be negative.
        needed: parameters that have to be above 0.

    Returns:
        The parameters, shape (num_draws, num_parameters).
    """
    scale = np.maximum(np.abs(rows).max(axis=1), np.finfo(float).tiny)
    scaled = rows / scale[:, None, :]
    best = np.zeros((len(rows), rows.shape[2]))
    drop = np.zeros(len(rows))
    for kept in _subsets(is_free, needed, rows.shape[1]):
        found, explained, is_solved = _least_squares(scaled[:, :, kept], target)
        allowed = np.array([is_free[i] for i in kept])
        is_better = is_solved & (allowed | (found >= 0)).all(axis=1) & (explained > drop)
        drop = np.where(is_better, explained, drop)
        best[is_better] = 0.0
        best[np.flatnonzero(is_better)[:, None], kept] = found[is_better]
    return np.asarray(best / scale)


def _subsets(
    is_free: Sequence[bool], needed: Sequence[int], num_points: int
) -> Iterator[list[int]]:
    count = len(is_free)
    always = {i for i in range(count) if is_free[i]} | set(needed)
    for size in range(1, min(count, num_points) + 1):
        for kept in itertools.combinations(range(count), size):
            if always <= set(kept):
                yield list(kept)


def _least_squares(
    rows: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters, the drop of the sum of squares, and if columns are independent."""
    q, r = np.linalg.qr(rows)
    diagonal = np.abs(np.diagonal(r, axis1=1, axis2=2))
    is_solved = diagonal.min(axis=1) > _RANK_TOLERANCE
    r = np.where(is_solved[:, None, None], r, np.eye(r.shape[1]))
    projected = np.einsum("dnk,dn->dk", q, target)
    found = np.linalg.solve(r, projected[:, :, None])[:, :, 0]
    return found, np.asarray((projected**2).sum(axis=1)), is_solved
