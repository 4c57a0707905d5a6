"""Which ranks are slower than the others, and in which phase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.columns import codes_of
from ray_bench.records import RunRecord
from ray_bench.stats.estimate import Estimate
from ray_bench.stats.means import mean_estimate

INPUT_PHASES = ("data_wait", "host_to_device")
COMPUTE_PHASES = ("forward", "loss", "backward")
#: What a rank does on its own; in the other phases it waits for the rest, or does what all do.
OWN_PHASES = (*INPUT_PHASES, *COMPUTE_PHASES)

#: A rank that is slower than the others by less than this share is not named.
MIN_LAG_FRAC = 0.05
_MIN_STEPS = 3

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankLag:
    """A rank that is surely slower than the median of the others, in what it does on its own."""

    rank: int
    phase: str  # that takes most of it
    seconds: Estimate  # per step, over all its own phases

    @property
    def is_input(self) -> bool:
        """Whether the rank is slow because it waits for its data."""
        return self.phase in INPUT_PHASES


def rank_lags(runs: Sequence[RunRecord], tables: Tables) -> Mapping[int, tuple[RankLag, ...]]:
    """Return the slow ranks of every world size, the slowest first."""
    by_size: dict[int, list[np.ndarray]] = {}
    for run in runs:
        if run.run_id in tables and run.point.world_size > 1:
            cube = own_times(tables[run.run_id])
            if cube.shape[1] == run.point.world_size:
                by_size.setdefault(run.point.world_size, []).append(cube)
    return {n: _lags(np.concatenate(cubes)) for n, cubes in sorted(by_size.items())}


def own_times(table: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return seconds of one run's sampled steps, shape (num_steps, num_ranks, num_own_phases)."""
    names, index = codes_of(table["phase"].tolist())
    place = np.array([OWN_PHASES.index(x) if x in OWN_PHASES else -1 for x in map(str, index)])
    phase = place[names]
    kept = phase >= 0
    _, step = np.unique(table["step"], return_inverse=True)
    _, rank = np.unique(table["rank"], return_inverse=True)
    cube = np.zeros((int(step.max()) + 1, int(rank.max()) + 1, len(OWN_PHASES)))
    np.add.at(cube, (step[kept], rank[kept], phase[kept]), table["duration_s"][kept].astype(float))
    return cube


def _lags(cube: np.ndarray) -> tuple[RankLag, ...]:
    found: Iterable[RankLag | None] = (_lag(cube, rank) for rank in range(cube.shape[1]))
    lags = [lag for lag in found if lag is not None]
    return tuple(sorted(lags, key=lambda lag: -lag.seconds.value))


def _lag(cube: np.ndarray, rank: int) -> RankLag | None:
    """Return by how much a rank is behind the median of the others, where that is sure.

    Step by step, so that what slows all ranks cancels; t-interval over steps, with the effective
    number of them.
    """
    others = np.delete(cube, rank, axis=1)
    behind = cube[:, rank].sum(axis=1) - np.median(others.sum(axis=2), axis=1)
    if len(behind) < _MIN_STEPS:
        return None
    found = mean_estimate(behind, is_correlated=True)
    is_sure = found.low is not None and found.low > 0
    if not is_sure or found.value < MIN_LAG_FRAC * float(others.sum(axis=2).mean()):
        return None
    by_phase = cube[:, rank].mean(axis=0) - np.median(others.mean(axis=0), axis=0)
    phase = OWN_PHASES[int(by_phase.argmax())]
    return RankLag(rank=rank, phase=phase, seconds=found)
