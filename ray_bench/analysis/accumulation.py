"""How the steps of a curve are cut into micro-batches, and up to where they are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.records import RunRecord, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The micro-batches of a curve, of which some world size has several a step."""

    most: int | None  # samples at once that were allowed; None: a fixed number of micro-batches
    by_size: tuple[tuple[int, int], ...]  # world size, micro-batches a step; ascending
    largest_batch: int  # samples of the largest micro-batch
    alike_up_to: int | None  # the largest world size whose micro-batches are as large; None: all


def cuts_of(runs: Sequence[RunRecord]) -> Cuts | None:
    """Return how the runs of one curve were cut; None where no step was."""
    points = {run.point.world_size: run.point for run in runs}
    if all(point.num_micro_batches == 1 for point in points.values()):
        return None
    most = next(iter(points.values())).max_local_batch_size
    is_strong = next(iter(points.values())).scaling == "strong"
    largest = max(point.micro_batch_size for point in points.values())
    batch = max(known(point.global_batch_size) for point in points.values())
    return Cuts(
        most=most,
        by_size=tuple((n, points[n].num_micro_batches) for n in sorted(points)),
        largest_batch=largest,
        alike_up_to=batch // largest if is_strong and most is not None else None,
    )
