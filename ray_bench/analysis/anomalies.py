"""What is wrong with the measurements, or what no simple law can describe. Data, no sentences."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.curve import Curve
from ray_bench.analysis.drift import Drift, drift
from ray_bench.analysis.outliers import OutlierRun, SlowBlocks, outlier_runs, slow_blocks
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import RunRecord

#: A plateau: the next world size surely gains less than this share of what ideal scaling would.
PLATEAU_FRAC = 0.1

Blocks = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Superlinear:
    """A world size whose efficiency is surely above 1."""

    row: ScalingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrograde:
    """Neighbouring world sizes between which throughput surely falls."""

    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """Neighbouring world sizes between which throughput surely hardly grows."""

    before: int
    after: int
    high_ratio: float  # the upper bound of X_after / X_before


Anomaly = Superlinear | Retrograde | Plateau | Drift | OutlierRun | SlowBlocks


def anomalies(
    runs: Sequence[RunRecord], curve: Curve, rows: Sequence[ScalingRow], blocks: Blocks
) -> tuple[Anomaly, ...]:
    """Return what is unusual about a curve, and about its runs.

    Args:
        runs: The runs of the curve.
        curve: The world sizes that carry a claim.
        rows: Their rows and others; only the former are looked at.
        blocks: Timed blocks by run.
    """
    above = is_superlinear([row for row in rows if row.world_size in curve.throughput])
    falls = throughput_falls(curve)
    drifts = drift(runs)
    return (
        *([Superlinear(row=above)] if above else []),
        *([Retrograde(before=falls[0], after=falls[1])] if falls else []),
        *plateaus(curve),
        *([drifts] if drifts and drifts.is_seen else []),
        *outlier_runs(runs),
        *slow_blocks(runs, blocks),
    )


def throughput_falls(curve: Curve) -> tuple[int, int] | None:
    """Return the first neighbouring world sizes between which throughput surely falls."""
    for before, after in itertools.pairwise(curve.sizes):
        high = curve.ratio(after, before).estimate.high
        if high is not None and high < 1:
            return before, after
    return None


def plateaus(curve: Curve) -> tuple[Plateau, ...]:
    """Return the neighbours between which throughput does not fall, but surely hardly grows."""
    found = []
    for before, after in itertools.pairwise(curve.sizes):
        high = curve.ratio(after, before).estimate.high
        if high is not None and 1 <= high <= 1 + PLATEAU_FRAC * (after / before - 1):
            found.append(Plateau(before=before, after=after, high_ratio=high))
    return tuple(found)


def is_superlinear(rows: Sequence[ScalingRow]) -> ScalingRow | None:
    """Return the first row whose efficiency is surely above 1."""
    for row in rows[1:]:
        if row.efficiency_frac.low is not None and row.efficiency_frac.low > 1:
            return row
    return None
