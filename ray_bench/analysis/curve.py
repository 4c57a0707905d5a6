"""Throughput against world size, and the ratio of any two world sizes, paired where it can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ray_bench.analysis.throughput import Blocks, run_throughput, throughputs
from ray_bench.records import RunRecord
from ray_bench.stats.log_estimate import LogEstimate, log_ratio, mean_log

#: A round of a ladder: its ladder's id, and the number of the round.
Round = tuple[str, int]

#: From so many rounds that both world sizes have, their ratio is taken round by round.
MIN_ROUNDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Throughput by world size, in samples/s."""

    throughput: Mapping[int, LogEstimate]
    rounds: Mapping[int, Mapping[Round, float]] = field(default_factory=dict)  # ln samples/s

    @property
    def sizes(self) -> tuple[int, ...]:
        """The world sizes, ascending."""
        return tuple(sorted(self.throughput))

    @property
    def is_paired(self) -> bool:
        """Whether the ratios to the smallest world size come from rounds."""
        return any(self._shared(n, self.sizes[0]) for n in self.sizes[1:])

    def ratio(self, size: int, before: int) -> LogEstimate:
        """Return X_size / X_before.

        From a ladder, round by round: d_i = ln X_size,i - ln X_before,i, R = exp(mean d), with a
        t-interval from the spread of d over the rounds: what a round has in common cancels. Else
        from independent means (Welch).
        """
        shared = self._shared(size, before)
        if not shared:
            return log_ratio(self.throughput[size], self.throughput[before])
        return mean_log([self.rounds[size][i] - self.rounds[before][i] for i in shared])

    def against(self, other: Curve, size: int) -> LogEstimate:
        """Return X_size of this curve over that of another, round by round as `ratio` does."""
        ours, theirs = self.rounds.get(size, {}), other.rounds.get(size, {})
        shared = sorted(ours.keys() & theirs.keys())
        if len(shared) < MIN_ROUNDS:
            return log_ratio(self.throughput[size], other.throughput[size])
        return mean_log([ours[i] - theirs[i] for i in shared])

    def only(self, sizes: Iterable[int]) -> Curve:
        """Return the curve of some of its world sizes."""
        kept = set(sizes)
        return Curve(
            throughput={n: x for n, x in self.throughput.items() if n in kept},
            rounds={n: x for n, x in self.rounds.items() if n in kept},
        )

    def _shared(self, size: int, before: int) -> list[Round]:
        ours, theirs = self.rounds.get(size, {}), self.rounds.get(before, {})
        shared = sorted(ours.keys() & theirs.keys())
        return shared if len(shared) >= MIN_ROUNDS and size != before else []


def curve_of(runs: Sequence[RunRecord], blocks: Blocks) -> Curve:
    """Return the curve of comparable runs; a world size without a timed run is left out."""
    rounds: dict[int, dict[Round, float]] = {}
    for run in runs:
        single = None if run.ladder_id is None else run_throughput(run, blocks)
        if single is not None and run.ladder_id is not None:
            by_round = rounds.setdefault(run.point.world_size, {})
            by_round[run.ladder_id, run.repeat] = single.log_mean
    return Curve(throughput=throughputs(runs, blocks), rounds=rounds)
