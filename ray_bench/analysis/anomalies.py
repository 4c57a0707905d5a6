"""What no law of this package can describe: falling throughput and superlinear speedup."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from ray_bench.analysis.estimate import LogEstimate
from ray_bench.analysis.scaling import ScalingRow, step_ratio


def throughput_falls(
    throughput: Mapping[int, LogEstimate],
) -> tuple[int, int] | None:
    """Return the first neighbouring world sizes between which throughput surely falls."""
    sizes = sorted(throughput)
    for before, after in itertools.pairwise(sizes):
        high = step_ratio(throughput, after, before).high
        if high is not None and high < 1:
            return before, after
    return None


def is_superlinear(rows: Sequence[ScalingRow]) -> ScalingRow | None:
    """Return the first row whose efficiency is surely above 1."""
    for row in rows[1:]:
        if row.efficiency_frac.low is not None and row.efficiency_frac.low > 1:
            return row
    return None
