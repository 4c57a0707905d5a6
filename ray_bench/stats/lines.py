"""Lines through positive values, by least relative squares."""

from __future__ import annotations

import numpy as np


def relative_design(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the terms over the values: what is fitted to 1 for least relative squares.

    Args:
        terms: What the parameters are multiplied with, shape (num_points, num_parameters).
        values: Positive, shape (num_points,).
    """
    return np.asarray(terms / values[:, None])


def relative_line(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the parameters of values = terms @ parameters, shape (num_parameters,)."""
    design = relative_design(terms, values)
    parameters, *_ = np.linalg.lstsq(design, np.ones(len(values)), rcond=None)
    return np.asarray(parameters)
