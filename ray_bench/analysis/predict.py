"""What the fitted law says of any number of workers, beside what was measured there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ray_bench.analysis.estimate import Estimate
from ray_bench.analysis.laws.law import Law
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import Scaling

#: World sizes that every report looks at, with the measured ones.
WORLD_SIZES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The law at one world size. None where it cannot be run or has no interval."""

    world_size: int
    batch_per_worker: float
    throughput: Estimate | None  # samples/s
    speedup: Estimate | None
    efficiency_frac: Estimate | None
    measured_speedup: Estimate | None

    @property
    def is_divisible(self) -> bool:
        """Whether every worker gets the same number of samples."""
        return self.batch_per_worker == int(self.batch_per_worker)


def prediction_sizes(measured: tuple[int, ...]) -> tuple[int, ...]:
    """Return the world sizes to predict: the usual ones and the measured ones, ascending."""
    return tuple(sorted({*WORLD_SIZES, *measured}))


def predictions(
    law: Law, rows: tuple[ScalingRow, ...], scaling: Scaling, batch_size: int
) -> tuple[Prediction, ...]:
    """Return the law at every world size of interest.

    Args:
        law: A fitted law.
        rows: The measured rows, the baseline first.
        scaling: Which batch is fixed.
        batch_size: Samples: global in strong scaling, per worker in weak scaling.
    """
    measured = {row.world_size: row for row in rows}
    sizes = prediction_sizes(tuple(measured))
    return tuple(_prediction(law, n, measured, scaling, batch_size) for n in sizes)


def _prediction(
    law: Law,
    size: int,
    measured: Mapping[int, ScalingRow],
    scaling: Scaling,
    batch_size: int,
) -> Prediction:
    batch = batch_size / size if scaling == "strong" else float(batch_size)
    # A prediction is given with an interval or not at all, and never for an empty batch.
    is_known = law.fit.draws is not None and batch >= 1
    speedup = law.speedup(size) if is_known else None
    return Prediction(
        world_size=size,
        batch_per_worker=batch,
        throughput=law.throughput(size) if is_known else None,
        speedup=speedup,
        efficiency_frac=None if speedup is None else speedup.scaled(law.baseline / size),
        measured_speedup=measured[size].speedup if size in measured else None,
    )
