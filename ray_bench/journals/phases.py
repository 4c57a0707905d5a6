"""The steps that a launch took apart, as records of phases and gradient buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ray_bench.journals.launch import Launch
from ray_bench.measure.skew import phase_records
from ray_bench.measure.stamps import BucketStamps, StepStamps
from ray_bench.records import BucketRecord, PhaseRecord


def phases_of(launch: Launch, run_id: str) -> Iterator[PhaseRecord | BucketRecord]:
    """Yield the records of all steps that every rank has taken apart.

    Ranks of one host share a clock, which tells waiting for the slowest rank from transfer. Over
    several hosts their clocks are not known well enough: what is exposed is not divided.
    """
    if launch.missing_ranks:
        return
    each = [{x.step: x for x in map(_stamps, rank.stamps)} for rank in launch.ranks]
    shared = sorted(set.intersection(*(set(x) for x in each)))
    for step in shared:
        ranks = [x[step] for x in each]
        if launch.environment.num_nodes == 1 and _are_alike(ranks):
            for rank in range(len(ranks)):
                yield from phase_records(rank, ranks, run_id=run_id)
            continue
        for rank, mine in enumerate(ranks):
            for record in phase_records(0, [mine], run_id=run_id):
                yield replace(record, rank=rank)


def _are_alike(ranks: Sequence[StepStamps]) -> bool:
    """Return whether all ranks reduced as many buckets."""
    return len({len(x.buckets) for x in ranks}) == 1


def _stamps(line: Mapping[str, Any]) -> StepStamps:
    return StepStamps(
        step=int(line["step"]),
        marks=tuple((str(name), int(ns)) for name, ns in line["marks"]),
        buckets=tuple(BucketStamps(**bucket) for bucket in line["buckets"]),
    )
