"""How sure the seconds are that phases lose: from the spread over runs, or over sampled steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.phases import run_phases
from ray_bench.records import RunRecord
from ray_bench.stats.means import Part, mean_variance

Tables = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Seconds by phase at a world size, one value a run; of a single run one a sampled step."""

    seconds: Mapping[str, np.ndarray]
    is_within_run: bool


def sampled(runs: Sequence[RunRecord], phases: Tables) -> Sampled:
    """Return the seconds of the runs of one world size, means over ranks; empty without any."""
    tables = [phases[run.run_id] for run in runs if run.run_id in phases]
    if len(tables) == 1:
        return Sampled(_by_step(tables[0]), True)
    found = [run_phases(table) for table in tables]
    names = dict.fromkeys(name for one in found for name in one)
    return Sampled({x: np.array([one.get(x, 0.0) for one in found]) for x in names}, False)


def _by_step(table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    _, step = np.unique(table["step"], return_inverse=True)
    seconds = table["duration_s"].astype(float) / len(np.unique(table["rank"]))
    count = int(step.max()) + 1
    names = dict.fromkeys(table["phase"].tolist())
    return {
        str(name): np.bincount(step, weights=seconds * (table["phase"] == name), minlength=count)
        for name in names
    }


class LostSpread:
    """The seconds of a world size less the ideal share of the baseline's."""

    def __init__(self, own: Sampled, base: Sampled, shrink: float) -> None:
        self._sides = ((own, 1.0), (base, shrink))
        self.names = tuple(dict.fromkeys([*own.seconds, *base.seconds]))

    def of(self, names: Iterable[str]) -> list[Part]:
        """Return the variances of the two sides, of some phases together; none if unknown."""
        kept = tuple(names)
        parts = []
        for side, factor in self._sides:
            values = [side.seconds[name] for name in kept if name in side.seconds]
            if not values:
                continue
            part = mean_variance(np.sum(values, axis=0), is_correlated=side.is_within_run)
            if part is None:
                return []
            parts.append((part[0] * factor**2, part[1]))
        return parts
