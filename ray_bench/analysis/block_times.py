"""When the timed blocks of a sweep ran, and how long their steps took: what drift looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ray_bench.records import RunRecord

Tables = Mapping[str, Mapping[str, np.ndarray]]

#: Blocks of one run are joined until a sweep has about so many.
MAX_POINTS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTime:
    """Neighbouring timed blocks of one run, joined; warm-up is left out."""

    run_id: str
    world_size: int
    clock_s: float  # their middle, since the first run of the sweep was launched
    step_s: float  # seconds per step of the slowest rank
    slower_frac: float  # than the median of the world size's; below 0 faster
    num_blocks: int


@dataclass(frozen=True, slots=True)
class _Piece:
    run: RunRecord
    clock_s: float
    step_s: float
    num_blocks: int


def block_times(runs: Sequence[RunRecord], blocks: Tables) -> tuple[BlockTime, ...]:
    """Return the blocks in the order of the clock.

    Args:
        runs: Of one group of comparable runs.
        blocks: Block records by run; runs whose blocks have no start are left out.
    """
    timed = [run for run in runs if "start_s" in blocks.get(run.run_id, {})]
    if not timed:
        return ()
    began = min(run.started_at_utc for run in timed)
    most = max(1, MAX_POINTS // len(timed))
    pieces = [piece for run in timed for piece in _pieces(run, blocks[run.run_id], began, most)]
    medians = {
        n: float(np.median([x.step_s for x in pieces if x.run.point.world_size == n]))
        for n in {x.run.point.world_size for x in pieces}
    }
    found = (_block_time(piece, medians[piece.run.point.world_size]) for piece in pieces)
    return tuple(sorted(found, key=lambda x: (x.clock_s, x.run_id)))


def _pieces(
    run: RunRecord, table: Mapping[str, np.ndarray], began: datetime, most: int
) -> list[_Piece]:
    """Return the steady blocks of a run, joined to `most` pieces or fewer."""
    steady = ~table["is_warmup"].astype(bool)
    if not steady.any():
        return []
    launched_s = (run.started_at_utc - began).total_seconds() + (run.startup_s or 0.0)
    # The turns of a ladder count from the first turn of their world size.
    origin_s = float(table["start_s"].astype(float).min())
    numbers, index = np.unique(table["block"][steady], return_inverse=True)
    duration_s, steps, start_s = np.zeros((3, len(numbers)))
    start_s += np.inf
    np.maximum.at(duration_s, index, table["duration_s"][steady].astype(float))
    np.maximum.at(steps, index, table["num_steps"][steady].astype(float))
    np.minimum.at(start_s, index, table["start_s"][steady].astype(float))
    middle_s = launched_s + start_s - origin_s + duration_s / 2
    return [
        _Piece(
            run=run,
            clock_s=float(middle_s[part].mean()),
            step_s=float(duration_s[part].sum() / steps[part].sum()),
            num_blocks=len(part),
        )
        for part in np.array_split(np.arange(len(numbers)), min(most, len(numbers)))
    ]


def _block_time(piece: _Piece, median_s: float) -> BlockTime:
    return BlockTime(
        run_id=piece.run.run_id,
        world_size=piece.run.point.world_size,
        clock_s=piece.clock_s,
        step_s=piece.step_s,
        slower_frac=piece.step_s / median_s - 1,
        num_blocks=piece.num_blocks,
    )
