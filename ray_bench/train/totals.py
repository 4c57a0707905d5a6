"""From every rank's blocks and epochs to the totals of a run. The slowest rank counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ray_bench.records import BlockRecord, EpochRecord

CLOCK_TOLERANCE_FRAC = 0.02
ENOUGH_BLOCKS = 20


@dataclass(frozen=True, slots=True)
class JobBlock:
    """One block over all ranks: the slowest rank's time, everybody's samples."""

    num_steps: int
    num_samples: int
    duration_s: float
    is_warmup: bool


def job_blocks(blocks: Iterable[BlockRecord]) -> list[JobBlock]:
    """Join the blocks of all ranks; result in the order of the blocks."""
    by_block: dict[int, list[BlockRecord]] = defaultdict(list)
    for block in blocks:
        by_block[block.block].append(block)
    return [
        JobBlock(
            ranks[0].num_steps,
            sum(block.num_samples for block in ranks),
            max(block.duration_s for block in ranks),
            ranks[0].is_warmup,
        )
        for _, ranks in sorted(by_block.items())
    ]


def throughput(blocks: Sequence[JobBlock]) -> tuple[float, float, list[str]]:
    """Return (samples/s, seconds per step, flags) of the steady state.

    Sum of samples over sum of times, never a mean of ratios. With no block after warm-up, all but
    the first count and the run is flagged.
    """
    steady = [block for block in blocks if not block.is_warmup]
    flags = []
    if not steady:
        steady = list(blocks[1:] or blocks)
        flags.append("warmup_included")
    if len(steady) < ENOUGH_BLOCKS:
        flags.append("few_blocks")
    seconds = sum(block.duration_s for block in steady)
    samples = sum(block.num_samples for block in steady)
    return samples / seconds, seconds / sum(block.num_steps for block in steady), flags


def slowest_epochs(per_rank: Sequence[Sequence[EpochRecord]]) -> tuple[EpochRecord, ...]:
    """Merge the ranks' epochs: losses are already joint, times become those of the slowest rank."""
    return tuple(
        replace(
            ranks[0],
            train_s=max(epoch.train_s for epoch in ranks),
            eval_s=_max_or_none([epoch.eval_s for epoch in ranks]),
        )
        for ranks in zip(*per_rank, strict=True)
    )


def _max_or_none(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def clock_mismatch(blocks: Iterable[BlockRecord], epochs: Iterable[EpochRecord]) -> bool:
    """Tell whether one rank's blocks and epochs differ by more than 2 % of the epochs' time."""
    in_blocks_s = sum(block.duration_s for block in blocks)
    in_epochs_s = sum(epoch.train_s for epoch in epochs)
    return abs(in_blocks_s - in_epochs_s) > CLOCK_TOLERANCE_FRAC * in_epochs_s


def best_epoch(epochs: Sequence[EpochRecord]) -> EpochRecord | None:
    """Return the first epoch with the highest validation accuracy, or None without accuracies."""
    known = [epoch for epoch in epochs if epoch.val_accuracy_frac is not None]
    return max(known, key=lambda epoch: epoch.val_accuracy_frac or 0.0, default=None)
