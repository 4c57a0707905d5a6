"""Several placements together: what a boundary between nodes costs, and more nodes than measured.

Nothing where the sweep has a single placement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.fit.forecast import CurveFit
from ray_bench.analysis.placements import Boundary, Joined, PlacedPoint, joined
from ray_bench.records import Results
from ray_bench.report.cells import Section, Table, table
from ray_bench.report.context import Context, workers
from ray_bench.report.fields import Field
from ray_bench.report.fit_tables import candidate_table
from ray_bench.report.fit_words import law_words
from ray_bench.report.format import in_words
from ray_bench.stats.estimate import Estimate


def sections(results: Results, contexts: Sequence[Context]) -> tuple[Section, ...]:
    """Return a section for every set of groups that differ in placement alone."""
    found = joined(results, [context.study.group for context in contexts])
    return tuple(_section(x, "" if i == 1 else f"_{i}") for i, x in enumerate(found, start=1))


def says(results: Results, contexts: Sequence[Context]) -> str:
    """Return what the first boundary between nodes costs."""
    found = joined(results, [context.study.group for context in contexts])
    boundaries = [x for one in found for x in one.boundaries]
    return boundary_words(boundaries[0]) if boundaries else "where the workers were"


def _section(found: Joined, suffix: str) -> Section:
    tables = [_places(f"places{suffix}", found)]
    if found.fit is not None:
        tables.append(candidate_table(f"place_laws{suffix}", found.fit))
    return Section(f"nodes{suffix}", "Nodes", tuple(_words(found)), tuple(tables))


def _words(found: Joined) -> list[str]:
    words = [boundary_words(x) for x in found.boundaries]
    if found.fit is None:
        return [*words, "No law of two levels is fitted: it needs three places, one of them on "
                "several nodes."]  # fmt: skip
    words.append(f"All placements together. {law_words(found.fit)}")
    if found.fit.chosen is not None:
        meant = {x.name: x.meaning for x in found.fit.chosen.test.law.parameters}
        parts = [f"{meant[k]}, {in_words(x, 's')}" for k, x in found.parameters.items()]
        words.append(
            f"Its parameters, at the batch per worker of {workers(found.places[0].world_size)}: "
            f"{'; '.join(parts)}. They hold if the law is right."
        )
    if not found.forecast:
        words.append(_no_forecast(found.fit))
    return words


def _no_forecast(fit: CurveFit) -> str:
    if fit.points.variance is None:
        return "No forecast for more nodes is given without an interval. Use repeats=3."
    return (
        "Throughput on more nodes is not known from these places. Measure more of them, or repeats."
    )


def boundary_words(boundary: Boundary) -> str:
    """Return what a boundary between nodes costs, in one sentence or two."""
    inside, beyond, extra = boundary.inside, boundary.beyond, boundary.extra
    shown = in_words(extra, "s")
    if boundary.is_measured:
        where = (
            f"Between {workers(inside.world_size)} on one node and as many on "
            f"{beyond.num_nodes} nodes"
        )
        source = "measured"
    else:
        where = (
            f"Between {workers(inside.world_size)} on one node and {beyond.world_size} on "
            f"{beyond.num_nodes} nodes"
        )
        source = "by the law: more than if all were on one node"
    if extra.low is None:
        return f"{where}, the step takes {shown} more ({source}; too few runs for an interval)."
    if boundary.is_found:
        return (
            f"Node boundary: {where[0].lower()}{where[1:]}, the step takes {shown} more ({source})."
        )
    return f"{where} no boundary is shown: the step takes {shown} more ({source})."


@dataclass(frozen=True, slots=True)
class _Place:
    """A place, measured or by the forecast."""

    point: PlacedPoint
    is_measured: bool
    extra: Estimate | None = None


def _places(key: str, found: Joined) -> Table:
    extra = {x.beyond: x.extra for x in found.boundaries if x.is_measured}
    items = [_Place(x, True, extra.get(x)) for x in found.places]
    items += [_Place(x, False) for x in found.forecast]
    columns: tuple[Field[_Place], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.point.world_size),
        Field("basis", "Basis", None, None, lambda x: "measured" if x.is_measured else "forecast"),
        Field("nodes", "Nodes", "count", None, lambda x: x.point.num_nodes),
        Field(
            "workers_per_node", "Workers a node", "count", None, lambda x: x.point.workers_per_node
        ),
        Field("throughput", "Samples/s", "samples/s", "measured", lambda x: x.point.throughput),
        Field("step_time", "Step time", "s", "measured", lambda x: x.point.step_time),
        Field("extra", "More than on one node", "s", "measured", lambda x: x.extra),
    )
    rows = [
        tuple(x.cell(item, None if item.is_measured else "predicted") for x in columns)
        for item in items
    ]
    notes = [
        "Nodes are those on which the runs were, by Ray's ids. Runs of all groups that were placed "
        "alike count together."
    ]
    if found.forecast:
        notes.append(
            "A forecast's interval is where one new run would lie (95 %), the spread between the "
            "laws and their own error included."
        )
    heads = {x.key: x.title for x in columns}
    return table(key, "Places", heads, rows, notes, optional=("extra",))
