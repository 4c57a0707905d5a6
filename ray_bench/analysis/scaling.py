"""Speedup, parallel efficiency and serial fraction, for a baseline of any world size.

Strong scaling: the global batch is fixed, S = T_b / T_N. Weak scaling: the batch per worker is
fixed and S = X_N / X_b is the scaled speedup. Both equal the ratio of throughputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ray_bench.analysis.curve import Curve
from ray_bench.records import Scaling
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.log_estimate import LogEstimate

#: Below this efficiency the same work takes more than twice the worker-time.
LOW_EFFICIENCY_FRAC = 0.50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRow:
    """What one world size gives against the baseline."""

    world_size: int
    throughput: Estimate  # samples/s
    ideal_speedup: float  # N / b
    speedup: Estimate
    efficiency_frac: Estimate
    serial_frac: Estimate | None  # None at the baseline


def scaling_rows(curve: Curve, scaling: Scaling) -> tuple[ScalingRow, ...]:
    """Return a row for every world size; the smallest one is the baseline."""
    rows = []
    for size in curve.sizes:
        baseline = curve.sizes[0]
        ratio = curve.ratio(size, baseline).estimate
        is_baseline = size == baseline
        rows.append(_row(size, baseline, curve.throughput[size], ratio, scaling, is_baseline))
    return tuple(rows)


def _row(
    size: int,
    baseline: int,
    throughput: LogEstimate,
    ratio: Estimate,
    scaling: Scaling,
    is_baseline: bool,
) -> ScalingRow:
    speedup = Estimate(1.0) if is_baseline else ratio
    ideal = size / baseline
    serial = gustafson_serial_frac if scaling == "weak" else karp_flatt
    return ScalingRow(
        world_size=size,
        throughput=throughput.estimate,
        ideal_speedup=ideal,
        speedup=speedup,
        efficiency_frac=speedup.scaled(1 / ideal),
        serial_frac=None if is_baseline else speedup.mapped(lambda s: serial(s, ideal)),
    )


def karp_flatt(speedup: float, growth: float) -> float:
    """Return the experimentally determined serial fraction of strong scaling.

    e = (1/S - 1/p) / (1 - 1/p), p = N / b > 1 (Karp and Flatt 1990, CACM 33(5)). Flat over p:
    serial work. Rising: overhead that grows with the workers. Negative: superlinear.
    """
    if growth <= 1:
        raise ValueError(
            f"the Karp-Flatt metric needs more workers than the baseline, got {growth}"
        )
    return (1 / speedup - 1 / growth) / (1 - 1 / growth)


def gustafson_serial_frac(speedup: float, growth: float) -> float:
    """Return s from the scaled speedup S = p - s (p - 1), p = N / b > 1 (Gustafson 1988)."""
    if growth <= 1:
        raise ValueError(f"a serial fraction needs more workers than the baseline, got {growth}")
    return (growth - speedup) / (growth - 1)
