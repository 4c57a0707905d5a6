"""How large the batches of somebody's script were, as its steps tell."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from ray_bench.journals.launch import Launch, RankFile
from ray_bench.records import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Of one launch. The last batch of an epoch, which may be smaller, does not count."""

    of_all: int | None  # samples of a step of all ranks; None: unknown, or a rank is missing
    of_a_rank: int | None  # the mean over ranks, rounded
    are_unequal: bool  # whether ranks differ
    num_micro: int | None  # micro-batches of a rank's step; None: cannot be told
    source: Source
    tokens_source: Source | None  # None: no tokens were seen


def batches_of(launch: Launch) -> Batches:
    """Return what the steps after warm-up tell; of all steps where there are none."""
    each = [_typical(rank) for rank in launch.ranks]
    source = _source(launch)
    known = [x for x in each if x is not None]
    is_known = source != "unknown" and len(known) == launch.world_size
    total = sum(known) if is_known else None
    return Batches(
        of_all=None if total is None else round(total),
        of_a_rank=None if total is None else round(total / launch.world_size),
        are_unequal=total is not None and len({round(x) for x in known}) > 1,
        num_micro=_num_micro(launch),
        source=source,
        tokens_source=_tokens_source(launch, source),
    )


def _typical(rank: RankFile) -> float | None:
    """Return the samples of a step in most blocks."""
    timed = [x for x in rank.blocks if not x["is_warmup"]] or list(rank.blocks)
    return median(x["num_samples"] / x["num_steps"] for x in timed) if timed else None


#: A loader that reads ahead has drawn nothing more by the last step of an epoch.
_MOST_WITHOUT_FRAC = 0.1


def _source(launch: Launch) -> Source:
    """Return what told the samples; unknown where too many steps had none."""
    blocks = [x for rank in launch.ranks for x in rank.blocks]
    without = sum(x["num_steps"] for x in blocks if not x["num_samples"])
    found: set[Source] = {x.get("source", "unknown") for x in blocks} - {"unknown"}
    if not found or without > _MOST_WITHOUT_FRAC * sum(x["num_steps"] for x in blocks):
        return "unknown"
    order: tuple[Source, ...] = ("script", "batch", "indices")  # the least certain of several
    return next(x for x in order if x in found)


def _tokens_source(launch: Launch, source: Source) -> Source | None:
    has_tokens = any(x.get("num_tokens") is not None for r in launch.ranks for x in r.blocks)
    return ("script" if source == "script" else "batch") if has_tokens else None


def _num_micro(launch: Launch) -> int | None:
    counts = [x.get("num_backwards") for x in launch.first.blocks]
    known = [x for x in counts if x]
    return round(median(known)) if known and len(known) == len(counts) else None
