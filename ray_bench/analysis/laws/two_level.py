"""Two levels: within a node the workers are close, between nodes they share a slower link.

A ring over all workers is as fast as its slowest link, so beyond one node of P workers T(N) = c b +
d 2 (N - 1) / N [N > P]. Where the nodes reduce among themselves first, only the m nodes take part
in the slow ring: T(N) = c b + d 2 (m - 1) / m. Over a tree of nodes, or where every node may be the
slowest, each doubling of the nodes costs the same: T(N) = c b + d log2 m. All need world sizes on
both sides of the boundary (hierarchical all-reduce: Jia et al. 2018, arXiv 1807.11205).

Where the same workers were measured on different numbers of nodes, the data tell more: also what a
step costs whatever the batch (a), or what a ring inside the fullest node costs (w).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter, as_they_are
from ray_bench.analysis.laws.place import Place
from ray_bench.analysis.laws.ring import transfer

_PARAMETERS = (
    Parameter("compute", "s", "step time c within a node"),
    Parameter("between_nodes", "s", "time d of all bytes over the link between nodes, exposed"),
)


def _flat_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, transfer(place.world_size) * (place.num_nodes > 1)


def _hierarchical_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, transfer(place.num_nodes)


def _log_terms(place: Place) -> tuple[np.ndarray, ...]:
    return place.batch_share, np.log2(place.num_nodes)


FLAT = Law(
    key="two_level",
    title="two levels, one ring",
    formula="T = c b + 2 (N - 1) / N d [N > P]",
    parameters=_PARAMETERS,
    family="node",
    terms=_flat_terms,
    named=as_they_are,
    needs_nodes=True,
)
HIERARCHICAL = Law(
    key="two_level_hierarchical",
    title="two levels, ring of nodes",
    formula="T = c b + 2 (m - 1) / m d, m = ceil(N / P)",
    parameters=_PARAMETERS,
    family="node",
    terms=_hierarchical_terms,
    named=as_they_are,
    needs_nodes=True,
)
LOGARITHMIC = Law(
    key="two_level_log",
    title="two levels, tree of nodes",
    formula="T = c b + d log2 m, m = ceil(N / P)",
    parameters=_PARAMETERS,
    family="node_tree",
    terms=_log_terms,
    named=as_they_are,
    needs_nodes=True,
)


def _fixed(place: Place) -> np.ndarray:
    return np.ones_like(place.world_size)


def _within(place: Place) -> np.ndarray:
    return transfer(place.most_on_a_node)


_MORE: tuple[tuple[Parameter, str, str, Callable[[Place], np.ndarray]], ...] = (
    (Parameter("fixed", "s", "time a of a step with an empty batch"), "a", "fixed time", _fixed),
    (
        Parameter("within_nodes", "s", "time w of all bytes over the links of a node, exposed"),
        "2 (p - 1) / p w",
        "ring in a node",
        _within,
    ),
)


def _with(
    law: Law, parameter: Parameter, term: str, title: str, column: Callable[[Place], np.ndarray]
) -> Law:
    return replace(
        law,
        key=f"{law.key}_{parameter.name}",
        title=f"{law.title}, {title}",
        formula=law.formula.replace("T = c b", f"T = c b + {term}"),
        parameters=(*law.parameters, parameter),
        terms=lambda place: (*law.terms(place), column(place)),
    )


_PLAIN = (FLAT, HIERARCHICAL, LOGARITHMIC)
#: For points that differ in placement too; the simplest first.
OF_PLACEMENTS: tuple[Law, ...] = (*_PLAIN, *(_with(law, *more) for more in _MORE for law in _PLAIN))
