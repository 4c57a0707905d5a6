"""What the laws say of any number of workers, beside what was measured there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.fit.forecast import CurveFit, Forecast
from ray_bench.analysis.fit.reach import Unknown
from ray_bench.analysis.scaling import ScalingRow
from ray_bench.records import Scaling
from ray_bench.stats.estimate import Estimate

#: World sizes that every report looks at, with the measured ones.
WORLD_SIZES = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The forecast at one world size. None where it cannot be run, or the points do not tell."""

    world_size: int
    batch_per_worker: float
    throughput: Estimate | None  # samples/s
    speedup: Estimate | None
    efficiency_frac: Estimate | None
    measured_speedup: Estimate | None
    crosses_boundary: bool  # needs a second node, and no measurement had one
    unknown: Unknown | None  # why the points tell nothing of it

    @property
    def is_divisible(self) -> bool:
        """Whether every worker gets the same number of samples."""
        return self.batch_per_worker == int(self.batch_per_worker)


def prediction_sizes(measured: tuple[int, ...]) -> tuple[int, ...]:
    """Return the world sizes to predict: the usual ones and the measured ones, ascending."""
    return tuple(sorted({*WORLD_SIZES, *measured}))


def predictions(
    fit: CurveFit, rows: tuple[ScalingRow, ...], scaling: Scaling, batch_size: int
) -> tuple[Prediction, ...]:
    """Return the forecast at every world size of interest, as far as it reaches.

    Beyond the measured world sizes it ends where its interval says nothing; without any interval
    all world sizes are there, and no number.

    Args:
        fit: The laws, tried on the curve.
        rows: The measured rows, the baseline first.
        scaling: Which batch is fixed.
        batch_size: Samples: global in strong scaling, per worker in weak scaling.
    """
    measured = tuple(row.world_size for row in rows)
    found = predictions_at(prediction_sizes(measured), fit, rows, scaling, batch_size)
    if fit.points.variance is None:
        return found
    return tuple(x for x in found if x.unknown is None or x.world_size in measured)


def predictions_at(
    sizes: Sequence[int],
    fit: CurveFit,
    rows: tuple[ScalingRow, ...],
    scaling: Scaling,
    batch_size: int,
) -> tuple[Prediction, ...]:
    """Return the forecast at some world sizes; the other arguments are those of `predictions`."""
    measured = {row.world_size: row for row in rows}
    # A prediction is given with an interval of repeats or blocks or not at all.
    has_noise = fit.points.variance is not None
    return tuple(
        _prediction(x, has_noise, measured, scaling, batch_size) for x in fit.forecast(sizes)
    )


def _prediction(
    forecast: Forecast,
    has_noise: bool,
    measured: Mapping[int, ScalingRow],
    scaling: Scaling,
    batch_size: int,
) -> Prediction:
    size = forecast.world_size
    batch = batch_size / size if scaling == "strong" else float(batch_size)
    # An empty batch cannot be run.
    is_known = has_noise and batch >= 1 and forecast.unknown is None
    known = forecast if is_known else None
    return Prediction(
        world_size=size,
        batch_per_worker=batch,
        throughput=None if known is None else known.throughput,
        speedup=None if known is None else known.speedup,
        efficiency_frac=None if known is None else known.efficiency,
        measured_speedup=measured[size].speedup if size in measured else None,
        crosses_boundary=forecast.crosses_boundary,
        unknown=forecast.unknown,
    )
