"""What a reader of a forecast must know, as data: the report puts it into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ray_bench.analysis.fit.choose import Spoiler
from ray_bench.analysis.fit.forecast import CurveFit
from ray_bench.analysis.laws import usl
from ray_bench.analysis.laws.status import FitStatus

#: A forecast further out than this factor is said to be far.
FAR_FACTOR = 4.0

Kind = Literal[
    "no_law_fits",
    "falling",
    "outlier",
    "cliff",
    "plateau",
    "two_points",
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
    names: tuple[str, ...] = ()
    world_size: float | None = None
    spread: float | None = None  # largest / smallest of what differs


def warnings_of(fit: CurveFit, world_sizes: Sequence[int]) -> tuple[Warning, ...]:
    """Return what must be said about a fit and its forecast at some world sizes."""
    found: list[Warning] = []
    if fit.points.mode == "mixed":
        shares = fit.points.place.batch_share
        found.append(Warning(kind="mixed_batch", spread=float(shares.max() / shares.min())))
    if fit.chosen is None and fit.is_tested:
        found.append(Warning(kind="falling" if fit.is_falling else "no_law_fits"))
    found += [Warning(kind=x.trouble, spoiler=x, world_size=x.world_size) for x in fit.spoilers]
    if not fit.is_tested:
        found.append(Warning(kind="two_points"))
    found += _of_the_law(fit)
    found += _of_the_forecast(fit, world_sizes)
    if fit.points.variance is None:
        found.append(Warning(kind="no_repeats"))
    if fit.is_tested and fit.refused:
        found.append(Warning(kind="refused", names=tuple(x.title for x in fit.refused)))
    return tuple(found)


def _of_the_law(fit: CurveFit) -> list[Warning]:
    found = []
    if fit.chosen is not None and fit.chosen.fit.is_misfit:
        found.append(Warning(kind="misfit", names=(fit.chosen.test.law.title,)))
    points = fit.points
    gain = points.log_cost[0] - points.log_cost
    sure = 2 * (points.noise + points.noise[0]) ** 0.5
    above = points.place.world_size[gain > sure]
    if len(above):
        found.append(Warning(kind="superlinear", world_size=float(above[0])))
    general = next((x for x in fit.candidates if x.test.law is usl.USL3), None)
    if general is not None and general.fit.status is not FitStatus.NOT_CONVERGED:
        kappa = general.fit.parameter("kappa")
        if kappa.value > 0 and (kappa.low is None or kappa.low <= 0):
            found.append(Warning(kind="no_peak"))
    return found


def _of_the_forecast(fit: CurveFit, world_sizes: Sequence[int]) -> list[Warning]:
    largest = float(fit.points.place.world_size[-1])
    found = []
    crossing = [n for n in world_sizes if fit.crosses_boundary(n)]
    if crossing:
        kind: Kind = "stated_link" if fit.drift.is_link_stated else "no_inter_node"
        found.append(Warning(kind=kind, world_size=min(crossing)))
    beyond = [n for n in world_sizes if n > largest]
    if beyond and fit.points.place.workers_per_node is None:
        found.append(Warning(kind="unknown_node", world_size=largest))
    if beyond and max(beyond) > FAR_FACTOR * largest:
        found.append(Warning(kind="far", world_size=max(beyond)))
    return found
