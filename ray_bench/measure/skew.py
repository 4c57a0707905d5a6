"""Waiting for the slowest rank, told from transfer: pure functions of all ranks' stamps.

All-reduces run one after the other, and none begins before every rank has its bucket ready. So the
time that bucket k took to transfer is, with `all_ready` the latest of all ranks' ready stamps,

    transfer_k = end_k - max(all_ready_k, end_(k-1))

and if every rank had been as early as this one, bucket k would have ended at

    undelayed_k = max(ready_k, undelayed_(k-1)) + transfer_k

The rank waited end - undelayed of the last bucket for others: `skew_wait`, at most the exposed
time. The rest of the exposed time is transfer. With one exposed bucket this is the part of the
exposed time before the last rank was ready; with several, a rank that is late while the link is
still busy delays nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ray_bench.measure.stamps import StepStamps
from ray_bench.records import PHASES, BucketRecord, PhaseRecord

NS = 1e-9


def skew_wait_ns(mine: StepStamps, ranks: Sequence[StepStamps]) -> int:
    """Return the nanoseconds of one step that this rank's exposed time was waiting for others.

    Args:
        mine: This rank's step, one of `ranks`.
        ranks: The same step on all ranks, on one clock, shape (world_size,).
    """
    window = mine.window_ns("exposed_comm")
    if window is None:
        return 0
    all_ready_ns = [
        max(bucket.ready_ns for bucket in buckets)
        for buckets in zip(*(rank.buckets for rank in ranks), strict=True)
    ]
    end_ns = undelayed_ns = mine.start_ns
    for bucket, ready_ns in zip(mine.buckets, all_ready_ns, strict=True):
        transfer_ns = max(0, bucket.end_ns - max(ready_ns, end_ns))
        undelayed_ns = max(bucket.ready_ns, undelayed_ns) + transfer_ns
        end_ns = max(end_ns, bucket.end_ns)
    exposed_ns = window[1] - window[0]
    return max(0, min(end_ns - undelayed_ns, exposed_ns))


def phase_records(
    rank: int, ranks: Sequence[StepStamps], *, run_id: str
) -> Iterator[PhaseRecord | BucketRecord]:
    """Yield the records of one step on one rank; `ranks` as in `skew_wait_ns`, in rank order."""
    mine = ranks[rank]
    skew_ns = skew_wait_ns(mine, ranks)
    totals_ns = dict.fromkeys(PHASES, 0)
    for (_, begin_ns), (phase, end_ns) in pairwise(mine.marks):
        totals_ns[phase] += end_ns - begin_ns
    totals_ns["exposed_comm"] -= skew_ns
    totals_ns["skew_wait"] = skew_ns
    for phase, ns in totals_ns.items():
        yield PhaseRecord(run_id=run_id, rank=rank, step=mine.step, phase=phase, duration_s=ns * NS)
    yield from _bucket_records(rank, ranks, run_id=run_id)


def _bucket_records(
    rank: int, ranks: Sequence[StepStamps], *, run_id: str
) -> Iterator[BucketRecord]:
    mine = ranks[rank]
    backward = mine.window_ns("backward")
    if backward is None:
        return
    first_ns = min(step.start_ns for step in ranks)
    for index, bucket in enumerate(mine.buckets):
        yield BucketRecord(
            run_id=run_id,
            rank=rank,
            step=mine.step,
            bucket=index,
            num_bytes=bucket.num_bytes,
            ready_s=(bucket.ready_ns - backward[0]) * NS,
            start_s=(bucket.ready_ns - first_ns) * NS,
            end_s=(bucket.end_ns - first_ns) * NS,
        )
