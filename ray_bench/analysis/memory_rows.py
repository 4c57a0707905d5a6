"""Whether workers fit: peak memory forecast by world size, beside what a device has."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ray_bench.analysis.groups import Group, first_of_launches
from ray_bench.analysis.memory import MemoryLine, MemoryPoint, memory_line
from ray_bench.analysis.nodes import (
    Environments,
    most_on_a_node,
    nodes_used,
    workers_per_node,
)
from ray_bench.records import Point, RunRecord, known
from ray_bench.stats.estimate import Estimate

#: A forecast against the capacity: surely within it, perhaps, surely beyond it.
Fits = Literal["yes", "unsure", "no"]
#: Of the capacity, that what the allocator and the driver hold besides the peak may take.
RESERVED_FRAC = 0.1
_GPU_GB = re.compile(r"\b(\d{1,4}) ?GB\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRow:
    """Peak memory of a worker at one world size."""

    world_size: int
    batch: int  # samples of the worker that has most of them
    measured_bytes: float | None  # the largest of all runs
    predicted: Estimate | None  # bytes; None: not known
    capacity_bytes: float | None  # of a worker; None: not known

    @property
    def fits(self) -> Fits | None:
        """Whether the forecast fits; None: not known, or no question as it was measured."""
        if self.capacity_bytes is None or self.predicted is None:
            return None
        return fits(self.predicted, self.capacity_bytes)


def fits(peak: Estimate, capacity: float) -> Fits:
    """Tell whether a forecast fits into so many bytes."""
    if (peak.value if peak.low is None else peak.low) > capacity:
        return "no"
    is_sure = peak.high is not None and peak.high <= (1 - RESERVED_FRAC) * capacity
    return "yes" if is_sure else "unsure"


def memory_of(runs: Sequence[RunRecord]) -> MemoryLine | None:
    """Fit the peak memory of runs that differ in world size and batch alone; None without peaks.

    A process keeps its peak, so of runs that followed each other in one the first counts. With DDP
    gradients are held otherwise than without: where its runs have two batches they alone are taken.
    Two batches of which one is without DDP tell a line, but not how far it is off.
    """
    known = [x for x in first_of_launches(runs) if x.peak_memory_bytes]
    wrapped = [x for x in known if x.point.is_ddp]
    if len({x.point.local_batch_size for x in wrapped}) > 1:
        return memory_line([_point(x) for x in wrapped])
    line = memory_line([_point(x) for x in known])
    is_mixed = 0 < len(wrapped) < len(known)
    if line is None or not is_mixed or len(line.batches) != 2:
        return line
    return replace(line, scatter=None)


def _point(run: RunRecord) -> MemoryPoint:
    assert run.peak_memory_bytes is not None
    return MemoryPoint(
        world_size=run.point.world_size,
        batch=float(known(run.point.local_batch_size)),
        peak_bytes=float(run.peak_memory_bytes),
    )


def memory_rows(
    sizes: Sequence[int], group: Group, environments: Environments
) -> tuple[MemoryRow, ...]:
    """Return what workers hold at some world sizes; those without a sample each are left out.

    Args:
        sizes: World sizes.
        group: Comparable runs.
        environments: By hash.
    """
    line = memory_of([*group.runs, *group.ddp_at_one])
    if line is None:
        return ()
    peaks = _peaks(group.runs)
    found = ((size, _batch(group.runs[0].point, size)) for size in sorted(set(sizes)))
    return tuple(
        MemoryRow(
            world_size=size,
            batch=batch,
            measured_bytes=peaks.get(size),
            predicted=None if size in peaks else line.at(batch),
            capacity_bytes=capacity_bytes(group.runs, environments, size),
        )
        for size, batch in found
        if batch is not None
    )


def _batch(point: Point, world_size: int) -> int | None:
    """Return the samples of the worker that has most of them; None where one has none."""
    if point.scaling == "weak":
        return point.local_batch_size
    whole = known(point.global_batch_size)
    return math.ceil(whole / world_size) if whole >= world_size else None


def _peaks(runs: Sequence[RunRecord]) -> Mapping[int, float]:
    found: dict[int, float] = {}
    for run in first_of_launches(runs):
        if run.peak_memory_bytes:
            size = run.point.world_size
            found[size] = max(found.get(size, 0.0), float(run.peak_memory_bytes))
    return found


def capacity_bytes(
    runs: Sequence[RunRecord], environments: Environments, world_size: int
) -> float | None:
    """Return the memory that a worker can have; None where it is not known.

    On GPUs what the device's name says, where it does (`H100 80GB`), in GiB, of which the driver
    keeps some for itself. On CPUs an even share of the host's memory among the workers that a host
    holds, or among all that are asked for where every run was on one host.
    """
    first = runs[0]
    if first.device not in (None, "cpu"):
        found = _GPU_GB.search(first.device or "")
        return None if found is None else float(found[1]) * 2**30
    hosts = [environments.get(run.environment_hash or "") for run in runs]
    memory = min((x.memory_bytes for x in hosts if x is not None), default=0)
    shared = _on_a_host(runs, environments, world_size)
    return memory / shared if memory and shared else None


def _on_a_host(
    runs: Sequence[RunRecord], environments: Environments, world_size: int
) -> int | None:
    same = [run for run in runs if run.point.world_size == world_size]
    if same:
        counts = [x for run in same if (x := most_on_a_node(run, environments)) is not None]
        return max(counts, default=None)
    held = workers_per_node(runs, environments)
    if held is not None:
        return min(world_size, held)
    nodes = [nodes_used(run, environments) for run in runs]
    return world_size if all(count == 1 for count in nodes) else None
