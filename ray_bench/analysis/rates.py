"""The learning rate as it was applied, against samples: what a schedule really did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import split_by_run
from ray_bench.records import Columns, RunRecord

#: Of a run, at even distances in samples, its highest rate beside them.
NUM_ROWS = 5
_COLUMNS = ("run_id", "rank", "block", "num_samples", "applied_lr")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """The rate in one block of the first run of a world size and rule that has any."""

    world_size: int
    lr_rule: str
    num_samples: int  # of all ranks, by the end of the block
    lr: float  # in its last step


def rate_rows(runs: Sequence[RunRecord], blocks: Columns) -> tuple[RateRow, ...]:
    """Return a few rows of every world size and rule; none where the rate was not recorded.

    Args:
        runs: Of one group of comparable runs.
        blocks: Columns of the table `blocks`, each of shape (num_blocks of all runs,).
    """
    if not np.isfinite(np.asarray(blocks.get("applied_lr", ()), dtype=float)).any():
        return ()
    by_run = split_by_run({name: blocks[name] for name in _COLUMNS})
    found: dict[tuple[int, str], tuple[RateRow, ...]] = {}
    for run in runs:
        cell = (run.point.world_size, run.point.rule_label)
        is_known = cell in found or run.run_id not in by_run
        rows = () if is_known else _rows(run, by_run[run.run_id])
        if rows:
            found[cell] = rows
    return tuple(row for _, rows in sorted(found.items()) for row in rows)


def _rows(run: RunRecord, blocks: Mapping[str, np.ndarray]) -> tuple[RateRow, ...]:
    rates, numbers = np.asarray(blocks["applied_lr"], dtype=float), blocks["block"]
    samples = np.cumsum(np.bincount(numbers, weights=blocks["num_samples"]))
    first = blocks["rank"] == blocks["rank"].min()
    order = numbers[first]
    seen, lrs = samples[order], rates[first]
    if not len(lrs) or not np.isfinite(lrs).all():
        return ()
    at = np.searchsorted(seen, np.linspace(seen[0], seen[-1], NUM_ROWS))
    chosen = np.unique([*np.minimum(at, len(seen) - 1), int(np.argmax(lrs))])
    return tuple(
        RateRow(
            world_size=run.point.world_size,
            lr_rule=run.point.rule_label,
            num_samples=int(seen[i]),
            lr=float(lrs[i]),
        )
        for i in chosen
    )
