"""The door to `ray_bench.stats` for what still imports its estimates from here."""

from __future__ import annotations

from ray_bench.stats.estimate import COVERAGE_FRAC, Estimate
from ray_bench.stats.log_estimate import LogEstimate, Source, log_ratio, value_of
from ray_bench.stats.means import satterthwaite_df, t_quantile

__all__ = [
    "COVERAGE_FRAC",
    "Estimate",
    "LogEstimate",
    "Source",
    "log_ratio",
    "satterthwaite_df",
    "t_quantile",
    "value_of",
]
