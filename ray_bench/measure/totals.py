"""From every rank's blocks and epochs to the totals of a run. The slowest rank counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np

from ray_bench.records import BlockRecord, EpochRecord, EvaluationRecord
from ray_bench.stats.throughput import job_rate, job_seconds

CLOCK_TOLERANCE_FRAC = 0.02
ENOUGH_BLOCKS = 20
#: A block that takes so many times as long as others, and so many seconds more, has a gap.
STALL_FACTOR = 5.0
STALL_S = 2.0


def throughput(
    ranks: Sequence[Sequence[BlockRecord]],
) -> tuple[float | None, float | None, list[str]]:
    """Return (samples/s, seconds per step, flags) of the steady state.

    Args:
        ranks: The blocks of every rank, shape (world_size, num_blocks).

    As `stats.throughput` defines them. With no block after warm-up, all but the first count and the
    run is flagged. Unknown where a clock that stepped backwards leaves no time at all.
    """
    flags = []
    steady = steady_blocks(ranks)
    if steady[0][0].is_warmup:
        flags.append("warmup_included")
    if len(steady[0]) < ENOUGH_BLOCKS:
        flags.append("few_blocks")
    steps = sum(block.num_steps for block in steady[0])
    samples = [block.num_samples for blocks in steady for block in blocks]
    rate = job_rate(*_times(steady), np.array(samples))
    return rate, None if rate is None else job_seconds(*_times(steady)) / steps, flags


def tokens_per_s(ranks: Sequence[Sequence[BlockRecord]]) -> float | None:
    """Return tokens/s of the steady state as `throughput` does samples/s; None where unknown."""
    steady = steady_blocks(ranks)
    counts = [block.num_tokens for blocks in steady for block in blocks]
    known = [count for count in counts if count is not None]
    return job_rate(*_times(steady), np.array(known)) if len(known) == len(counts) else None


def mean_local_samples(ranks: Sequence[Sequence[BlockRecord]]) -> float:
    """Return the mean samples of a rank's step in the steady state."""
    blocks = [block for blocks in steady_blocks(ranks) for block in blocks]
    return sum(block.num_samples for block in blocks) / sum(block.num_steps for block in blocks)


def _times(steady: Sequence[Sequence[BlockRecord]]) -> tuple[np.ndarray, np.ndarray]:
    """Return rank and seconds of every block."""
    seconds = np.array([block.duration_s for blocks in steady for block in blocks])
    return np.repeat(np.arange(len(steady)), [len(blocks) for blocks in steady]), seconds


def steady_blocks(ranks: Sequence[Sequence[BlockRecord]]) -> list[list[BlockRecord]]:
    """Return every rank's blocks after warm-up; where there are none, all but the first."""
    steady = [[block for block in blocks if not block.is_warmup] for blocks in ranks]
    return steady if steady[0] else [list(blocks[1:] or blocks) for blocks in ranks]


def stalled(ranks: Sequence[Sequence[BlockRecord]]) -> bool:
    """Tell whether a rank stood still for a time: its process, or its host, was stopped.

    All ranks wait for it, so that a block becomes many times longer on each. Noise and stragglers
    make it longer by a factor that is far smaller; a short block may double for many reasons.

    Args:
        ranks: The blocks of every rank, shape (world_size, num_blocks).
    """
    return bool(ranks) and all(map(_has_gap, steady_blocks(ranks)))


def _has_gap(blocks: Sequence[BlockRecord]) -> bool:
    typical_s = median(block.duration_s / block.num_steps for block in blocks)
    return any(
        block.duration_s - typical_s * block.num_steps > STALL_S
        and block.duration_s > STALL_FACTOR * typical_s * block.num_steps
        for block in blocks
    )


def slowest_epochs(per_rank: Sequence[Sequence[EpochRecord]]) -> tuple[EpochRecord, ...]:
    """Merge the ranks' epochs: losses are already joint, times become those of the slowest rank."""
    return tuple(
        replace(
            ranks[0],
            train_s=max(epoch.train_s for epoch in ranks),
            eval_s=max_or_none([epoch.eval_s for epoch in ranks]),
        )
        for ranks in zip(*per_rank, strict=True)
    )


def slowest_evaluations(
    per_rank: Sequence[Sequence[EvaluationRecord]],
) -> tuple[EvaluationRecord, ...]:
    """Merge the ranks' evaluations: what they found is joint, times are of the slowest rank."""
    times = ("train_s", "with_eval_s", "eval_s")
    return tuple(
        replace(ranks[0], **{name: max(getattr(x, name) for x in ranks) for name in times})
        for ranks in zip(*per_rank, strict=True)
    )


def max_or_none(values: Sequence[float | None]) -> float | None:
    """Return the largest of the known values; None where none is known."""
    known = [value for value in values if value is not None]
    return max(known) if known else None


def clock_mismatch(blocks: Iterable[BlockRecord], epochs: Iterable[EpochRecord]) -> bool:
    """Tell whether one rank's blocks and the clock of the day differ by more than 2 %.

    The two clocks are read in different places, so that a block that was lost, a device that was
    not waited for, and a clock that steps all show.
    """
    in_blocks_s = sum(block.duration_s for block in blocks)
    on_the_wall_s = sum(epoch.train_wall_clock_s or 0.0 for epoch in epochs)
    return abs(in_blocks_s - on_the_wall_s) > CLOCK_TOLERANCE_FRAC * on_the_wall_s


def clock_backwards(
    blocks: Sequence[BlockRecord],
    epochs: Sequence[EpochRecord],
    others_s: Iterable[float | None] = (),
) -> bool:
    """Tell whether a clock of one rank stepped backwards: time that is negative, or too short.

    The clock of the day is read around the blocks of an epoch and can only show more time than
    they do. Less, by more than clocks differ, and it was set back.

    Args:
        blocks: In their order.
        epochs: In their order.
        others_s: Whatever else was timed, in seconds.
    """
    times = [block.duration_s for block in blocks]
    times += [later.start_s - block.start_s for block, later in pairwise(blocks)]
    times += [seconds for seconds in others_s if seconds is not None]
    for epoch in epochs:
        in_blocks_s = sum(block.duration_s for block in blocks if block.epoch == epoch.epoch)
        times += [epoch.train_s, epoch.eval_s or 0.0]
        if epoch.train_wall_clock_s is not None:
            times.append(epoch.train_wall_clock_s - in_blocks_s * (1 - CLOCK_TOLERANCE_FRAC))
    return min(times, default=0.0) < 0


def best_epoch(epochs: Sequence[EpochRecord]) -> EpochRecord | None:
    """Return the first epoch with the highest validation accuracy, or None without accuracies."""
    known = [epoch for epoch in epochs if epoch.val_accuracy_frac is not None]
    return max(known, key=lambda epoch: epoch.val_accuracy_frac or 0.0, default=None)
