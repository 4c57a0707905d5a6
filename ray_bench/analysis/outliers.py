"""Runs and blocks that do not belong with the others of their kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.blocks import job_blocks
from ray_bench.records import RunRecord

#: A run is compared with its siblings where there are so many of these.
MIN_SIBLINGS = 4
#: What differs by less is of no interest, however quiet the others are.
MIN_CHANGE_FRAC = 0.01
#: Blocks that cost less of a run's time together are of no interest.
MIN_COST_FRAC = 0.01
_MIN_BLOCKS = 10

Blocks = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierRun:
    """A run that is far from the median of the runs of its world size."""

    run_id: str
    world_size: int
    change_frac: float  # -0.2: 20 % slower than the median


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowBlocks:
    """A run with blocks that took much longer than its typical one."""

    run_id: str
    world_size: int
    num_slow: int
    num_blocks: int
    cost_frac: float  # share of the run's steady time that they took beyond the typical block


def modified_z(values: np.ndarray) -> np.ndarray:
    """Return 0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993); infinite where MAD is 0."""
    distance = values - np.median(values)
    mad = float(np.median(np.abs(distance)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = 0.6745 * distance / mad
    return np.asarray(np.nan_to_num(z, nan=0.0, posinf=math.inf, neginf=-math.inf))


def cut(count: int) -> float:
    """Return the modified z beyond which a value is an outlier: 3.5 (1 + 10 / n).

    3.5 is the usual cut for many values. The MAD of a few is noisy: at 3.5, one of five equal runs
    is called an outlier in 20 % of all cases; with this cut it is in 1 to 3 %, for 5 to 32 values.
    """
    return 3.5 * (1 + 10 / count)


def outlier_runs(runs: Sequence[RunRecord]) -> tuple[OutlierRun, ...]:
    """Return the runs that are far from their siblings, in order of world size."""
    by_size: dict[int, list[RunRecord]] = {}
    for run in runs:
        if run.throughput_samples_per_s:
            by_size.setdefault(run.point.world_size, []).append(run)
    return tuple(x for size in sorted(by_size) for x in _outliers(by_size[size]))


def _outliers(runs: Sequence[RunRecord]) -> list[OutlierRun]:
    if len(runs) <= MIN_SIBLINGS:
        return []
    logs = np.log([run.throughput_samples_per_s or math.nan for run in runs])
    change = np.expm1(logs - np.median(logs))
    is_far = (np.abs(modified_z(logs)) > cut(len(runs))) & (np.abs(change) > MIN_CHANGE_FRAC)
    return [
        OutlierRun(run_id=run.run_id, world_size=run.point.world_size, change_frac=float(x))
        for run, x, far in zip(runs, change, is_far, strict=True)
        if far
    ]


def slow_blocks(runs: Sequence[RunRecord], blocks: Blocks) -> tuple[SlowBlocks, ...]:
    """Return the runs in which single blocks cost 1 % of the time or more."""
    found = (_slow(run, blocks[run.run_id]) for run in runs if run.run_id in blocks)
    return tuple(x for x in found if x is not None)


def _slow(run: RunRecord, table: Mapping[str, np.ndarray]) -> SlowBlocks | None:
    duration_s, num_samples = job_blocks(table)
    if len(duration_s) < _MIN_BLOCKS or not (num_samples > 0).all():
        return None
    pace = duration_s / num_samples  # the last block of an epoch is shorter
    is_slow = modified_z(np.log(pace)) > cut(len(pace))
    beyond_s = (pace - np.median(pace)) * num_samples
    cost_frac = float(beyond_s[is_slow].sum() / duration_s.sum())
    if cost_frac < MIN_COST_FRAC:
        return None
    return SlowBlocks(
        run_id=run.run_id,
        world_size=run.point.world_size,
        num_slow=int(is_slow.sum()),
        num_blocks=len(pace),
        cost_frac=cost_frac,
    )
