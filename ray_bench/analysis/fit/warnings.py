"""What a reader of a forecast must know, as data: the report puts it into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.analysis.fit.forecast import CurveFit, Forecast
from ray_bench.analysis.fit.shapes import Spoiler
from ray_bench.analysis.fit.slip import Slip
from ray_bench.analysis.laws import usl
from ray_bench.analysis.laws.law import Mode
from ray_bench.analysis.laws.status import FitStatus

#: A forecast further out than this factor is said to be far.
FAR_FACTOR = 4.0

Kind = Literal[
    "slip",
    "no_law_fits",
    "falling",
    "outlier",
    "first_step",
    "cliff",
    "plateau",
    "fall",
    "two_points",
    "beyond_reach",
    "no_inter_node",
    "stated_link",
    "unknown_node",
    "no_repeats",
    "misfit",
    "superlinear",
    "far",
    "no_peak",
    "refused",
    "mixed_batch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning:
    """One thing, and the numbers of it."""

    kind: Kind
    spoiler: Spoiler | None = None
    slip: Slip | None = None
    mode: Mode | None = None  # which batch was fixed
    names: tuple[str, ...] = ()
    world_size: float | None = None
    spread: float | None = None  # largest / smallest of what differs
    is_told: bool = True  # whether there is a forecast at all


def warnings_of(fit: CurveFit, world_sizes: Sequence[int]) -> tuple[Warning, ...]:
    """Return what must be said about a fit and its forecast at some world sizes.

    Where a unit seems to have slipped, that is all: whatever else the numbers say may be false.
    """
    if fit.slips:
        return tuple(Warning(kind="slip", slip=x, world_size=x.world_sizes[0]) for x in fit.slips)
    rows = fit.forecast(world_sizes) if len(world_sizes) else ()
    is_told = any(x.unknown is None and not x.is_measured for x in rows)
    found: list[Warning] = []
    if fit.points.mode == "mixed":
        shares = fit.points.place.batch_share
        found.append(Warning(kind="mixed_batch", spread=float(shares.max() / shares.min())))
    if fit.chosen is None and fit.is_tested:
        kind: Kind = "falling" if fit.is_falling else "no_law_fits"
        found.append(Warning(kind=kind, is_told=is_told))
    found += [
        Warning(kind=x.trouble, spoiler=x, world_size=x.world_size, mode=fit.points.mode)
        for x in fit.spoilers
    ]
    if not fit.is_tested:
        found.append(Warning(kind="two_points", is_told=is_told))
    found += _of_the_law(fit)
    found += _of_the_forecast(fit, rows)
    if fit.points.variance is None:
        found.append(Warning(kind="no_repeats"))
    if fit.is_tested and fit.refused:
        found.append(Warning(kind="refused", names=tuple(x.title for x in fit.refused)))
    return tuple(found)


def _of_the_law(fit: CurveFit) -> list[Warning]:
    found = []
    if fit.chosen is not None and fit.chosen.fit.is_misfit:
        found.append(Warning(kind="misfit", names=(fit.chosen.test.law.title,)))
    above = _superlinear(fit)
    if above is not None:
        found.append(Warning(kind="superlinear", world_size=above))
    general = next((x for x in fit.candidates if x.test.law is usl.USL3), None)
    is_usl = general is not None and general.fit.status is not FitStatus.NOT_CONVERGED
    if general is not None and is_usl and not _has_peak(fit):
        kappa = general.fit.parameter("kappa")
        if kappa.value > 0 and (kappa.low is None or kappa.low <= 0):
            found.append(Warning(kind="no_peak"))
    return found


def _superlinear(fit: CurveFit) -> float | None:
    """Return the first world size that is surely above the smallest one, outliers left out."""
    points = fit.points
    gain = points.log_cost[0] - points.log_cost
    sure = 2 * (points.noise + points.noise[0]) ** 0.5
    off = {x.world_size for x in fit.spoilers if x.trouble == "outlier"}
    above = [float(n) for n in points.place.world_size[gain > sure] if float(n) not in off]
    return above[0] if above else None


def _has_peak(fit: CurveFit) -> bool:
    """Whether throughput was seen to fall beyond a world size."""
    return any(x.trouble in ("cliff", "fall") for x in fit.spoilers) and bool(
        fit.points.log_throughput.argmax() < len(fit.points) - 1
    )


def _of_the_forecast(fit: CurveFit, rows: Sequence[Forecast]) -> list[Warning]:
    largest = float(fit.points.place.world_size[-1])
    known = [x for x in rows if x.unknown is None]
    found = []
    crossing = [x.world_size for x in known if x.crosses_boundary]
    if crossing:
        kind: Kind = "stated_link" if fit.drift.is_link_stated else "no_inter_node"
        found.append(Warning(kind=kind, world_size=min(crossing)))
    beyond = [x.world_size for x in known if x.world_size > largest]
    if beyond and fit.points.place.workers_per_node is None:
        found.append(Warning(kind="unknown_node", world_size=largest))
    if beyond and max(beyond) > FAR_FACTOR * largest:
        found.append(Warning(kind="far", world_size=max(beyond)))
    lost = [x for x in rows if x.unknown is not None]
    if lost:
        first = min(lost, key=lambda x: abs(x.world_size - largest))
        found.append(
            Warning(kind="beyond_reach", names=(str(first.unknown),), world_size=first.world_size)
        )
    return found
