"""How many workers a node holds, and whether efficiency falls where the second node begins.

A worker costs c(N) = N / X(N) seconds a sample. Inside a node everything may grow smoothly; the
fastest growth of any law is that of coherency, N (N - 1). So from the last two world sizes k' < k
on one node, whatever grows smoothly costs at the first size b on several nodes at most

    c(k) + r max(0, c(k) - c(k')),    r = (b (b - 1) - k (k - 1)) / (k (k - 1) - k' (k' - 1))

and what is measured beyond that is the boundary's.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_bench.analysis.curve import Curve
from ray_bench.records import EnvironmentRecord, RunRecord
from ray_bench.stats.means import t_reach

Environments = Mapping[str, EnvironmentRecord]

#: A boundary that costs a smaller share of the step is not said to limit scaling.
MIN_BOUNDARY_FRAC = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryFall:
    """Efficiency that is lost at the node boundary, and surely not by anything smooth."""

    last_inside: int  # the largest world size on one node
    first_beyond: int  # the smallest one on several
    inside_frac: float  # efficiency there, against the smallest world size
    beyond_frac: float
    boundary_frac: float  # share of the time of first_beyond that no smooth growth explains


def nodes_used(run: RunRecord, environments: Environments) -> int | None:
    """Return on how many nodes a run was; None where that is unknown."""
    if run.rank_node_ids is not None:
        return len(set(run.rank_node_ids))
    environment = environments.get(run.environment_hash or "")
    return None if environment is None else environment.num_nodes


def most_on_a_node(run: RunRecord, environments: Environments) -> int | None:
    """Return the most workers of a run that were on one node; None where that is unknown.

    Older results tell the number of nodes alone: their workers count as shared out evenly.
    """
    if run.rank_node_ids is not None:
        return max(Counter(run.rank_node_ids).values())
    count = nodes_used(run, environments)
    return None if count is None else math.ceil(run.point.world_size / count)


def nodes_by_size(runs: Sequence[RunRecord], environments: Environments) -> dict[int, int]:
    """Return the most nodes on which runs of a world size were; unknown ones are left out."""
    found: dict[int, int] = {}
    for run in runs:
        count = nodes_used(run, environments)
        if count is not None:
            size = run.point.world_size
            found[size] = max(found.get(size, 0), count)
    return dict(sorted(found.items()))


def workers_per_node(runs: Sequence[RunRecord], environments: Environments) -> int | None:
    """Return how many workers a node holds; None where the runs do not tell.

    Where runs spanned several nodes, as many as were on a node, if all world sizes filled nodes
    alike. Where all were on one node, as many as it has GPUs, or cores for: more of them need
    another node. Emulated accelerators take up no room on a host, so they do not tell.

    Args:
        runs: Of one group of comparable runs, those that carry no claim left out.
        environments: By hash.
    """
    nodes = nodes_by_size(runs, environments)
    if not nodes:
        return None
    held = max(math.ceil(n / count) for n, count in nodes.items())
    if max(nodes.values()) > 1:
        is_filled = all(math.ceil(n / held) == count for n, count in nodes.items())
        return held if is_filled else None
    rooms = [
        _room(environments[run.environment_hash or ""], is_emulated="emulated" in run.flags)
        for run in runs
        if (run.environment_hash or "") in environments
    ]
    known = [room for room in rooms if room is not None]
    return max(held, min(known)) if len(known) == len(rooms) else None


def _room(environment: EnvironmentRecord, *, is_emulated: bool) -> int | None:
    """Return how many workers a host of this environment has a GPU, or cores, for."""
    if is_emulated:
        return None
    if environment.num_gpus:
        matrix = environment.gpu_topology
        return None if matrix is None else len(json.loads(matrix))
    return max(1, environment.num_cpus // (environment.omp_num_threads or 1))


def boundary_fall(curve: Curve, nodes: Mapping[int, int]) -> BoundaryFall | None:
    """Return the fall of efficiency at the node boundary, None where none is shown.

    It takes two world sizes on one node and one on several. The boundary has to cost more than
    everything inside the node did, and surely more than what may grow smoothly.

    Args:
        curve: World sizes that carry a claim.
        nodes: How many nodes each world size had.
    """
    inside = [n for n in curve.sizes if nodes.get(n) == 1]
    beyond = [n for n in curve.sizes if nodes.get(n, 0) > 1]
    if len(inside) < 2 or not beyond or inside[-1] > beyond[0]:
        return None
    before, last, first = inside[-2], inside[-1], beyond[0]
    cost = {n: n / math.exp(curve.throughput[n].log_mean) for n in (inside[0], before, last, first)}
    growth = (_pairs(first) - _pairs(last)) / (_pairs(last) - _pairs(before))
    excess = cost[first] - cost[last] - growth * max(0.0, cost[last] - cost[before])
    weights = {first: cost[first], last: (1 + growth) * cost[last], before: growth * cost[before]}
    is_most = cost[first] - cost[last] > cost[last] - cost[inside[0]]
    if (
        not is_most
        or excess < MIN_BOUNDARY_FRAC * cost[first]
        or not _is_sure(excess, weights, curve)
    ):
        return None
    return BoundaryFall(
        last_inside=last,
        first_beyond=first,
        inside_frac=cost[inside[0]] / cost[last],
        beyond_frac=cost[inside[0]] / cost[first],
        boundary_frac=excess / cost[first],
    )


def _pairs(world_size: int) -> float:
    return float(world_size * (world_size - 1))


def _is_sure(excess: float, weights: Mapping[int, float], curve: Curve) -> bool:
    """Whether an excess is above 0 with the noise of the costs; False where that is unknown."""
    found = [(weight, curve.throughput[size].part) for size, weight in weights.items()]
    parts = [(weight**2 * part[0], part[1]) for weight, part in found if part is not None]
    return len(parts) == len(found) and excess > t_reach(parts)
