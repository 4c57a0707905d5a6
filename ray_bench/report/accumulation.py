"""In words: that steps were computed in micro-batches, and what the laws do not know of it."""

from __future__ import annotations

from ray_bench.analysis.accumulation import Cuts, cuts_of
from ray_bench.analysis.study import Study
from ray_bench.report.context import workers

SMALLER = "smaller micro-batches"


def cut_words(study: Study) -> str | None:
    """Return how many micro-batches a step has; None where a worker's samples are one."""
    cuts = cuts_of(study.group.runs)
    if cuts is None:
        return None
    if cuts.most is None:
        _, count = cuts.by_size[0]
        return (
            f"A worker computes its samples of a step in {count} micro-batches "
            f"(accumulate_steps={count}) and reduces their gradients once: step times are those "
            "of all of them."
        )
    counts = ", ".join(f"{count} with {workers(size)}" for size, count in cuts.by_size)
    words = (
        f"Micro-batches of a step: {counts}, so that none has more than {cuts.most} samples "
        "(max_local_batch_size). The training is the same; what it is cut into differs by design."
    )
    return f"{words} {_limit(cuts)}" if cuts.alike_up_to is not None else words


def _limit(cuts: Cuts) -> str:
    return (
        f"Beyond {workers(cuts.alike_up_to or 1)} micro-batches have fewer than "
        f"{cuts.largest_batch} samples. What one costs whatever its size is not known to a law "
        "that was fitted to fewer workers: its predictions there may be too good."
    )


def has_smaller(study: Study, world_size: int) -> bool:
    """Tell whether the micro-batches of a world size would be smaller than those of the curve."""
    cuts = cuts_of(study.group.runs)
    return cuts is not None and cuts.alike_up_to is not None and world_size > cuts.alike_up_to
