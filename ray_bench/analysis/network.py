"""The all-reduce sweep: latency, bandwidth, and the two numbers of the alpha-beta model.

A ring of p ranks sends 2 (p - 1) messages one after the other, each of S / p bytes (Thakur,
Rabenseifner and Gropp 2005, IJHPCA 19(1)):

    t(p, S) = 2 (p - 1) alpha + 2 (p - 1) / p x S x beta

alpha: seconds a message, beta: seconds a byte. At one world size that is A_p + B_p S. Both fits
take the median of every size and minimise relative residuals, so that 4 B counts as much as 64 MiB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_bench.records import Columns
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.lines import relative_design, relative_line
from ray_bench.stats.means import median_estimate, t_reach

#: A relative residual above this is said in words: the model does not describe such sizes.
POOR_RESIDUAL_FRAC = 0.25
_NUM_PARAMETERS = 2
#: Sizes within this factor of what is sent tell its time: libraries and networks treat small and
#: large buffers differently, so that one line through all of them may hold for none.
NEAR_FACTOR = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """All-reduce of one buffer size at one world size."""

    num_bytes: int
    num_samples: int
    time_s: Estimate  # median of the samples
    algorithm_bytes_per_s: Estimate  # S / t
    bus_bytes_per_s: Estimate  # S / t x 2 (p - 1) / p: what each link carries in a ring


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFit:
    """Two parameters of a line in the buffer size, None where the data give none above 0."""

    fixed_s: Estimate | None  # A_p, or alpha: seconds a message
    s_per_byte: Estimate | None  # B_p, or beta
    worst_residual_frac: float  # the largest |model / median - 1|
    worst_num_bytes: int
    worst_world_size: int

    @property
    def is_poor(self) -> bool:
        """Whether the model misses some size by a lot."""
        return self.worst_residual_frac > POOR_RESIDUAL_FRAC


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOfRanks:
    """The sweep at one world size, on one node or over several."""

    world_size: int
    num_nodes: int  # 0: unknown
    rows: tuple[SizeRow, ...]  # by buffer size, ascending
    line: LineFit | None  # A_p + B_p S; None below three sizes

    @property
    def latency_s(self) -> Estimate:
        """Median of the smallest buffer."""
        return self.rows[0].time_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """All world sizes within a node, or all over several: they share alpha and beta."""

    is_inter_node: bool
    groups: tuple[GroupOfRanks, ...]  # by world size, ascending
    ring: LineFit | None  # alpha and beta; None below three points

    @property
    def has_nodes(self) -> bool:
        """Whether it is known on how many nodes its ranks were."""
        return all(group.num_nodes > 0 for group in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStudy:
    """One all-reduce sweep, analysed."""

    backend: str
    device: str
    links: tuple[Link, ...]  # within a node first


@dataclass(frozen=True, slots=True)
class _Point:
    world_size: int
    num_bytes: int
    median_s: float


def network_study(columns: Columns) -> NetworkStudy | None:
    """Analyse the rows of one all-reduce sweep, columns as in NetworkRecord; None without rows."""
    if not columns or not len(columns["duration_s"]):
        return None
    samples = _by_group(columns)
    groups = [_group(key, sizes) for key, sizes in sorted(samples.items())]
    kinds = (
        tuple(g for g in groups if (g.num_nodes > 1) is is_inter) for is_inter in (False, True)
    )
    links = tuple(_link(kind) for kind in kinds if kind)
    return NetworkStudy(
        backend=str(columns["backend"][0]), device=str(columns["device"][0]), links=links
    )


def _by_group(columns: Columns) -> dict[tuple[int, int], dict[int, list[float]]]:
    """Return seconds by (world size, number of nodes) and by buffer size."""
    found: dict[tuple[int, int], dict[int, list[float]]] = {}
    names = ("world_size", "num_nodes", "num_bytes", "duration_s")
    for size, nodes, num_bytes, seconds in zip(*(columns[x].tolist() for x in names), strict=True):
        found.setdefault((size, nodes), {}).setdefault(num_bytes, []).append(seconds)
    return found


def _group(key: tuple[int, int], sizes: Mapping[int, list[float]]) -> GroupOfRanks:
    world_size, num_nodes = key
    rows = tuple(_row(world_size, num_bytes, sizes[num_bytes]) for num_bytes in sorted(sizes))
    points = [_Point(world_size, row.num_bytes, row.time_s.value) for row in rows]
    line = _fit(points, np.array([[1.0, point.num_bytes] for point in points]))
    return GroupOfRanks(world_size=world_size, num_nodes=num_nodes, rows=rows, line=line)


def _row(world_size: int, num_bytes: int, samples: Sequence[float]) -> SizeRow:
    time = median_estimate(samples)
    rate = time.mapped(lambda seconds: num_bytes / seconds)
    return SizeRow(
        num_bytes=num_bytes,
        num_samples=len(samples),
        time_s=time,
        algorithm_bytes_per_s=rate,
        bus_bytes_per_s=rate.scaled(2 * (world_size - 1) / world_size),
    )


def near(link: Link, num_bytes: Sequence[float]) -> Link:
    """Return a link whose alpha and beta are those of buffers about as large as some.

    Args:
        link: Measured at sizes of all kinds.
        num_bytes: What is sent. All sizes count where fewer than three measured ones lie within
            `NEAR_FACTOR` of it.
    """
    low, high = min(num_bytes) / NEAR_FACTOR, max(num_bytes) * NEAR_FACTOR
    groups = tuple(
        replace(x, rows=tuple(row for row in x.rows if low <= row.num_bytes <= high))
        for x in link.groups
    )
    if len({row.num_bytes for x in groups for row in x.rows}) <= _NUM_PARAMETERS:
        return link
    return replace(link, groups=groups, ring=_ring(groups))


def _link(groups: tuple[GroupOfRanks, ...]) -> Link:
    return Link(is_inter_node=groups[0].num_nodes > 1, groups=groups, ring=_ring(groups))


def _ring(groups: tuple[GroupOfRanks, ...]) -> LineFit | None:
    points = [
        _Point(group.world_size, row.num_bytes, row.time_s.value)
        for group in groups
        for row in group.rows
    ]
    steps = np.array([2.0 * (point.world_size - 1) for point in points])
    sent = steps * np.array([point.num_bytes / point.world_size for point in points])
    return _fit(points, np.column_stack([steps, sent]))


def _fit(points: Sequence[_Point], terms: np.ndarray) -> LineFit | None:
    """Fit seconds = terms @ parameters with least relative squares.

    Args:
        points: Shape (num_points,).
        terms: What the two parameters are multiplied with, shape (num_points, 2).
    """
    if len(points) <= _NUM_PARAMETERS:
        return None
    medians = np.array([point.median_s for point in points])
    design, values = relative_design(terms, medians), relative_line(terms, medians)
    residuals = design @ values - 1
    worst = int(np.argmax(np.abs(residuals)))
    fixed, slope = _intervals(design, values, residuals)
    return LineFit(
        fixed_s=fixed,
        s_per_byte=slope,
        worst_residual_frac=float(abs(residuals[worst])),
        worst_num_bytes=points[worst].num_bytes,
        worst_world_size=points[worst].world_size,
    )


def _intervals(
    design: np.ndarray, values: np.ndarray, residuals: np.ndarray
) -> list[Estimate | None]:
    """Return each parameter with its interval, None where it is not above 0.

    The variance is HC2's: the sizes need not have equal noise, and what the model misses counts as
    noise. The degrees of freedom are those of Bell and McCaffrey 2002 (Survey Methodology 28),
    which Imbens and Kolesar 2016 (Review of Economics and Statistics 98) advise for few points.
    """
    inverse = np.linalg.pinv(design)  # shape (2, num_points)
    annihilator = np.eye(len(residuals)) - design @ inverse
    left = np.maximum(np.diag(annihilator), 1e-12)
    found: list[Estimate | None] = []
    for value, weights in zip(values, inverse, strict=True):
        variance = float(np.sum(weights**2 * residuals**2 / left))
        spread = annihilator * (weights**2 / left) @ annihilator
        df = float(np.trace(spread) ** 2 / np.trace(spread @ spread))
        reach = t_reach([(variance, df)])
        low = max(0.0, float(value) - reach)
        found.append(Estimate(float(value), low, float(value) + reach) if value > 0 else None)
    return found
