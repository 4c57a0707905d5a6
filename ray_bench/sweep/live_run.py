"""A run that is going on, as its ranks tell it, on the clock of whoever listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeVar, final

from ray_bench.records import PlannedRun

if TYPE_CHECKING:
    from ray_bench.launch.words import RankWords
    from ray_bench.train.live import Phase

_N = TypeVar("_N", int, float)

#: Throughput so far is that of about so many seconds.
WINDOW_S = 10.0
#: A rank speaks every second: one that is silent for so long has stopped, or cannot be reached.
SILENT_S = 30.0
#: A step that takes so many times as long as usual, and `SILENT_S`, is not a slow one.
STALLED_TIMES = 10.0

_STEPPING = ("warm-up", "training")
#: Of a run's pace so many values are kept, at most one a second.
_MAX_PACE = 120


@dataclass(slots=True)
class LiveRankSeen:
    """What one rank said last, and when."""

    words: RankWords
    heard_s: float
    moved_s: float  # when its phase or its step last changed
    #: (when a step ended on the rank's own clock, steps, samples) of the last seconds.
    progress: deque[tuple[float, int, int]] = field(default_factory=deque)

    def told(self, words: RankWords, now_s: float) -> None:
        """Take what it says."""
        if (words.phase, words.step) != (self.words.phase, self.words.step):
            self.moved_s = now_s
        if words.phase != self.words.phase or words.courier_id != self.words.courier_id:
            self.progress.clear()
        self.words, self.heard_s = words, now_s
        if words.step_ended_s is None or words.phase not in _STEPPING:
            return
        if not self.progress or self.progress[-1][1] != words.step:
            self.progress.append((words.step_ended_s, words.step, words.num_samples))
        while len(self.progress) > 2 and self.progress[-1][0] - self.progress[0][0] > WINDOW_S:
            self.progress.popleft()

    @property
    def _window(self) -> tuple[float, int, int] | None:
        """Seconds, steps and samples of the last seconds."""
        if len(self.progress) < 2:
            return None
        first, last = self.progress[0], self.progress[-1]
        return last[0] - first[0], last[1] - first[1], last[2] - first[2]

    @property
    def samples_per_s(self) -> float | None:
        """Of this rank; None before there are two steps to compare."""
        window = self._window
        return window[2] / window[0] if window and window[0] > 0 else None

    @property
    def step_time_s(self) -> float | None:
        """Seconds that a step usually takes."""
        window = self._window
        return window[0] / window[1] if window and window[1] > 0 else None


@final
class LiveRun:
    """One run.

    Args:
        planned: The run.
        label: Its point's short name.
        number: Its place among the sweep's runs, from 1.
        now_s: When it was handed to the cluster.
    """

    def __init__(self, planned: PlannedRun, label: str, number: int, now_s: float) -> None:
        self.planned = planned
        self.label = label
        self.number = number
        self.phase: Phase = "starting"
        self.detail: str | None = None
        self.phase_since_s = now_s
        self.ranks: dict[int, LiveRankSeen] = {}
        self._trains_since: tuple[float, int] | None = None  # when, and after how many steps
        #: (seconds since it was handed over, samples/s of all ranks) of the last minutes.
        self.pace: deque[tuple[float, float]] = deque(maxlen=_MAX_PACE)
        self._begun_s = now_s

    def told(self, words: RankWords, now_s: float) -> None:
        """Take what a rank says, or what the driver says of a run without ranks."""
        if words.rank is None:
            self.enter(words.phase, now_s, words.detail)
            return
        seen = self.ranks.get(words.rank)
        if seen is None:
            seen = self.ranks[words.rank] = LiveRankSeen(words, now_s, now_s)
        seen.told(words, now_s)
        if words.rank == min(self.ranks):
            self.enter(words.phase, now_s, words.detail)
            self._note_pace(now_s - self._begun_s)
        if self._trains_since is None and words.phase in _STEPPING and words.step:
            self._trains_since = (now_s, words.step)

    def _note_pace(self, at_s: float) -> None:
        rate = self.samples_per_s
        if rate is not None and (not self.pace or at_s - self.pace[-1][0] >= 1.0):
            self.pace.append((round(at_s, 1), round(rate, 1)))

    def enter(self, phase: Phase, now_s: float, detail: str | None = None) -> None:
        """A phase begins, if it is another one."""
        self.detail = detail
        if phase != self.phase:
            self.phase, self.phase_since_s = phase, now_s

    @property
    def step(self) -> int:
        """Steps that all ranks have done."""
        return min((seen.words.step for seen in self.ranks.values()), default=0)

    @property
    def num_steps(self) -> int | None:
        """Of the whole run; None where it is not known yet."""
        return _first(seen.words.num_steps for seen in self.ranks.values())

    @property
    def samples_per_s(self) -> float | None:
        """Of all ranks over the last seconds: how it goes, not the run's result."""
        rates = [seen.samples_per_s for seen in self.ranks.values()]
        known = [rate for rate in rates if rate is not None]
        has_all = len(known) == len(rates) == self.planned.point.world_size
        return sum(known) if has_all and self.phase in _STEPPING else None

    @property
    def loss(self) -> float | None:
        """Mean over the ranks, of the epoch so far; None when training is over."""
        if self.phase not in (*_STEPPING, "evaluating"):
            return None
        losses = [x.words.loss for x in self.ranks.values() if x.words.loss is not None]
        return fmean(losses) if losses else None

    @property
    def evaluated(self) -> tuple[int, int] | None:
        """Samples that are evaluated, and all; None where the workload does not tell."""
        words = [seen.words for seen in self.ranks.values()]
        known = [(x.num_evaluated, x.num_to_evaluate) for x in words if x.num_to_evaluate]
        if self.phase != "evaluating" or not known:
            return None
        return sum(done for done, _ in known), sum(of or 0 for _, of in known)

    def step_since_s(self, now_s: float) -> float | None:
        """Seconds that the step takes by now that is going on; None outside of steps."""
        if self.phase not in _STEPPING or not self.ranks:
            return None
        slowest = min(self.ranks.values(), key=lambda seen: seen.words.step)
        return now_s - slowest.moved_s

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the last step, evaluations so far counted in; None before it is known."""
        if self._trains_since is None or self.num_steps is None or self.step >= self.num_steps:
            return None
        begin_s, first_step = self._trains_since
        done = self.step - first_step
        if done <= 0:
            return None
        at_s = max((seen.moved_s for seen in self.ranks.values()), default=now_s)
        step_s = (at_s - begin_s) / done
        return max(0.0, step_s * (self.num_steps - self.step) - (now_s - at_s))

    def trouble(self, now_s: float) -> str | None:
        """Name ranks that are silent, or that make no steps; None where all is well."""
        silent = [rank for rank, seen in self.ranks.items() if now_s - seen.heard_s > SILENT_S]
        if silent:
            quiet_s = max(now_s - self.ranks[rank].heard_s for rank in silent)
            return f"{_names(silent)} not heard of for {quiet_s:.0f} s"
        since_s = self.step_since_s(now_s)
        usual_s = _first(seen.step_time_s for seen in self.ranks.values())
        if since_s is None or usual_s is None or since_s < max(SILENT_S, STALLED_TIMES * usual_s):
            return None
        behind = [rank for rank, seen in self.ranks.items() if seen.words.step == self.step]
        who = "no rank" if len(behind) == len(self.ranks) else f"{_names(behind)} not"
        return (
            f"{who} done with step {self.step + 1} after {since_s:.0f} s; usually {usual_s:.2g} s"
        )

    def state(self, now_s: float, max_ranks: int) -> dict[str, Any]:
        """Return the run as plain values; of more ranks those that were silent longest."""
        silent_first = sorted(self.ranks.items(), key=lambda item: item[1].heard_s)
        evaluated = self.evaluated
        return {
            "run_id": self.planned.run_id,
            "number": self.number,
            "label": self.label,
            "world_size": self.planned.point.world_size,
            "phase": self.phase,
            "phase_detail": self.detail,
            "phase_since_s": round(now_s - self.phase_since_s, 1),
            "step": self.step,
            "num_steps": self.num_steps,
            "step_since_s": _rounded(self.step_since_s(now_s), 1),
            "epoch": max((seen.words.epoch for seen in self.ranks.values()), default=None),
            "so_far_samples_per_s": _rounded(self.samples_per_s, 1),  # not the result
            "so_far_loss": self.loss,
            "pace": [list(told) for told in self.pace][-max_ranks // 2 :],
            "num_evaluated": evaluated[0] if evaluated else None,
            "num_to_evaluate": evaluated[1] if evaluated else None,
            "left_s": _rounded(self.left_s(now_s), 1),
            "trouble": self.trouble(now_s),
            "ranks": [
                {
                    "rank": rank,
                    "node_id": seen.words.node_id,
                    "phase": seen.words.phase,
                    "step": seen.words.step,
                    "heard_s_ago": round(now_s - seen.heard_s, 1),
                    "moved_s_ago": round(now_s - seen.moved_s, 1),
                }
                for rank, seen in sorted(silent_first[:max_ranks])
            ],
        }


def _first(values: Iterable[_N | None]) -> _N | None:
    return next((value for value in values if value is not None), None)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _names(ranks: Iterable[int]) -> str:
    found = sorted(ranks)
    some = ", ".join(map(str, found[:4])) + (", ..." if len(found) > 4 else "")
    return f"rank{'s' if len(found) > 1 else ''} {some}"
