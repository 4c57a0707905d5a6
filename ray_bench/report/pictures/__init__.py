"""The pictures of a report: which there are, and their numbers. Nothing is drawn here.

A picture for which there are no data is not made. Imports what report imports; no altair.
"""

from __future__ import annotations

from collections.abc import Sequence

from ray_bench.records import Columns, Results
from ray_bench.report.context import Context
from ray_bench.report.picture import Picture
from ray_bench.report.pictures import (
    accuracy,
    clock,
    decision,
    network,
    noise,
    noise_curve,
    phases,
    ranks,
    scaling,
    waterfall,
)

_OF_A_GROUP = (
    scaling.speedup,
    scaling.efficiency,
    scaling.serial_share,
    decision.front,
    waterfall.waterfall,
    phases.phases,
    ranks.rank_times,
    accuracy.by_time,
    accuracy.kept,
    noise_curve.noise_curve,
    noise.noise_scale,
    clock.block_times,
)


def all_pictures(results: Results, contexts: Sequence[Context]) -> tuple[Picture, ...]:
    """Return the pictures of every group, then that of the network."""
    of_groups = (make(context) for context in contexts for make in _OF_A_GROUP)
    return (*(x for x in of_groups if x is not None), *network_pictures(results.network))


def network_pictures(columns: Columns) -> tuple[Picture, ...]:
    """Return the picture of an all-reduce sweep; none where there was no sweep.

    Args:
        columns: Rows of NetworkRecord.
    """
    found = network.all_reduce(columns)
    return () if found is None else (found,)
