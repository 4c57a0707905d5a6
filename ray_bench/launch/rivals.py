"""Which run of a sweep has no hope beside those that have finished. No Ray here.

A run is stopped that is still worse than every finished one of its cohort was after half as many
samples: whatever they came to, it would take twice as long as the slowest of them, or never get
there. A cohort has one global batch and one world size: a larger batch takes more samples. Where
fewer than two have finished nobody is judged.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import final

from ray_bench.launch.words import RunKey

MIN_FINISHED = 2


@dataclass(slots=True)
class _Run:
    cohort: Hashable
    scores: dict[int, float] = field(default_factory=dict)  # by samples; the higher the better
    is_finished: bool = False

    def best(self, num_samples: float) -> float | None:
        """Return its best score after at most so many samples."""
        return max((x for seen, x in self.scores.items() if seen <= num_samples), default=None)


@final
class Rivals:
    """All runs of a sweep that were evaluated since it was called."""

    def __init__(self) -> None:
        self._runs: dict[RunKey, _Run] = {}

    def judge(self, key: RunKey, cohort: Hashable, num_samples: int, score: float) -> str | None:
        """Keep an evaluation; return why its run has no hope, None where it has."""
        mine = self._runs.setdefault(key, _Run(cohort))
        mine.scores[num_samples] = score
        others = [x for x in self._runs.values() if x.is_finished and x.cohort == cohort]
        known = [x.best(num_samples / 2) for x in others]
        earlier = [x for x in known if x is not None]
        best = mine.best(num_samples)
        if len(earlier) < MIN_FINISHED or best is None or best >= min(earlier):
            return None
        return (
            f"After {num_samples:,} samples it was still worse than each of {len(earlier)} "
            "finished runs of its batch was after half as many (stop.hopeless=true)."
        )

    def finished(self, key: RunKey) -> None:
        """A run came to its end."""
        if key in self._runs:
            self._runs[key].is_finished = True
