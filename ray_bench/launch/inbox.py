"""Where workers leave what they say and what they finish while their trial goes on."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_bench.launch.beats import Beat, Heard
from ray_bench.launch.failures import Failure
from ray_bench.launch.rivals import Rivals
from ray_bench.launch.words import RankWords, RunKey
from ray_bench.records import RunData

#: A sentence for the user; how long a launch, which begins now, has waited; why it was ended.
Word = str | float | Failure
#: Of a launch, by its id, and when it was said.
News = tuple[str, Word, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rank:
    beat: Beat
    heard_s: float
    moved_s: float


@dataclass(slots=True)
class Mail:
    """What has come since the driver looked last, each in its order."""

    runs: list[RunData] = field(default_factory=list)  # finished
    words: list[RankWords] = field(default_factory=list)
    timed: list[RunData] = field(default_factory=list)  # without what is measured after training


def open_inbox() -> Any:
    """Return the handle of an inbox on the driver's node, which lives as long as the driver."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _Inbox.options(scheduling_strategy=here).remote()  # type: ignore[attr-defined]


@ray.remote(num_cpus=0)
class _Inbox:
    """Holds mail until the driver takes it; a killed trial does not lose it."""

    def __init__(self) -> None:
        self._mail = Mail()
        self._news: list[News] = []
        self._rivals = Rivals()
        self._beats: dict[str, dict[int, _Rank]] = {}  # by launch and rank

    def put(self, runs: list[RunData]) -> None:
        """Called by workers."""
        self._mail.runs += runs
        for data in runs:
            self._rivals.finished((data.run.sweep_id, data.run.run_id))

    def judge(self, key: RunKey, cohort: Hashable, num_samples: int, score: float) -> str | None:
        """Called by rank 0 after an evaluation: why its run has no hope."""
        return self._rivals.judge(key, cohort, num_samples, score)

    def keep(self, data: RunData) -> None:
        """Called by workers: a run that is timed, in case they do not come to its end."""
        self._mail.timed.append(data)

    def tell(self, words: RankWords) -> None:
        """Called by workers."""
        self._mail.words.append(words)

    def take(self) -> Mail:
        """Called by the driver; what it gets is no longer here."""
        taken, self._mail = self._mail, Mail()
        return taken

    def say(self, launch_id: str, word: Word) -> None:
        """Called by a trial: what the driver is to hear of a launch."""
        self._news.append((launch_id, word, datetime.now(UTC)))

    def news(self) -> list[News]:
        """Called by the driver; what it gets is no longer here."""
        taken, self._news = self._news, []
        return taken

    def beat(self, launch_id: str, beat: Beat) -> None:
        """Called by each worker each second."""
        now_s = time.monotonic()
        ranks = self._beats.setdefault(launch_id, {})
        last = ranks.get(beat.rank)
        has_moved = last is None or _standing(last.beat) != _standing(beat)
        moved_s = now_s if has_moved or last is None else last.moved_s
        if last is not None:
            beat = replace(beat, worker=beat.worker or last.beat.worker)
        ranks[beat.rank] = _Rank(beat=beat, heard_s=now_s, moved_s=moved_s)

    def heard(self, launch_id: str) -> dict[int, Heard]:
        """Called by a trial: the last beat of each rank of its launch."""
        now_s = time.monotonic()
        return {
            rank: Heard(beat=x.beat, silent_s=now_s - x.heard_s, still_s=now_s - x.moved_s)
            for rank, x in self._beats.get(launch_id, {}).items()
        }

    def forget(self, launch_id: str) -> None:
        """Called by a trial whose launch has ended."""
        self._beats.pop(launch_id, None)


def _standing(beat: Beat) -> tuple[object, ...]:
    return beat.step, beat.where, beat.is_waiting
