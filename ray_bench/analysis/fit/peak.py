"""The world size of the highest throughput by the USL, which is nothing without its interval."""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.fit.law_fit import LawFit, interval
from ray_bench.stats.estimate import Estimate


def peak_of(fit: LawFit, level: float) -> Estimate | None:
    """Return N* = sqrt((1 - sigma) / kappa); bounds may be infinite.

    None where the fit has no coherency, and where it has no interval: from a few points a peak is
    mostly noise.
    """
    if fit.draws is None:
        return None
    value = float(_peak(fit.law.values(fit.coefficients)))
    if not np.isfinite(value):
        return None
    return interval(value, _peak(fit.law.values(fit.draws)), level)


def _peak(values: dict[str, np.ndarray]) -> np.ndarray:
    room = np.maximum(0.0, 1 - values["sigma"])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(values["kappa"] > 0, np.sqrt(room / values["kappa"]), np.inf))
