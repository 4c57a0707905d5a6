"""Further repeats of a sweep with a stop rule, until the rule has enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import final

from ray_bench.analysis.groups import INVALID_FLAGS, first_of_launches
from ray_bench.config.grid import further_round
from ray_bench.config.groups import StopConfig
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError
from ray_bench.records import PlannedRun, RunRecord, StopRecord
from ray_bench.stats.stopping import Decision, StopRule
from ray_bench.store import ResultsStore
from ray_bench.sweep.plan import Plan


def stop_rule(config: StopConfig, *, min_rounds: int) -> StopRule | None:
    """Return the rule that a configuration asks for, None where it asks for none.

    Args:
        config: The stop rule's part of the configuration.
        min_rounds: `repeats` of fresh runs, `ladder.rounds` of a ladder.
    """
    if config.half_width is None:
        return None
    return StopRule(
        half_width_frac=config.half_width,
        min_rounds=min_rounds,
        max_rounds=config.max_repeats,
        budget_s=config.budget_s,
    )


def check_stop(config: SweepConfig) -> None:
    """Check that a stop rule has something to look at.

    Raises:
        ConfigError: If there is no speedup that could become narrow.
    """
    if config.stop.half_width is not None and len(config.world_sizes) < 2:
        raise ConfigError(
            f"stop.half_width is about speedups, but world_sizes is {list(config.world_sizes)}; "
            "give two world sizes or more, or leave stop.half_width out."
        )


@final
class FurtherRounds:
    """Plans one batch of repeats after the other, and stores why there are no more.

    Args:
        rule: When there is enough.
        config: The configuration with its defaults filled in.
        plan: What was planned and stored before.
        store: Has all finished runs; the reason for stopping is written to it.
        planned: Told of every further run.
        clock_s: Seconds that only grow.
    """

    def __init__(
        self,
        rule: StopRule,
        config: SweepConfig,
        plan: Plan,
        store: ResultsStore,
        planned: Callable[[Sequence[PlannedRun]], None],
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._rule = rule
        self._config = config
        self._sweep_id = plan.sweep.sweep_id
        self._store = store
        self._tell = planned
        self._clock_s = clock_s
        self._planned = plan.planned
        self._num_rounds = num_rounds(plan.planned)
        before_s = sum(run.wall_s for run in plan.stored) / config.launch.max_concurrent
        self._origin_s = clock_s() - before_s

    def next(self) -> tuple[PlannedRun, ...]:
        """Return the runs up to the next look, one round at a time under a budget; none at the end.

        Where a world size has not one run that finished, nothing is repeated and no reason is
        stored: resuming the sweep tries the failed runs again first.
        """
        logs = log_throughputs(self._store.runs(self._sweep_id), self._num_rounds)
        if len(logs) < len(self._config.world_sizes):
            return ()
        decision = self._rule.look(logs, paired=False, elapsed_s=self._clock_s() - self._origin_s)
        if decision.has_stopped:
            self._write(decision)
            return ()
        until = decision.next_look or self._num_rounds + 1
        if self._rule.budget_s is not None:
            until = self._num_rounds + 1
        return self._until(until)

    def _until(self, until: int) -> tuple[PlannedRun, ...]:
        first = len(self._planned)
        for repeat in range(self._num_rounds, until):
            self._planned += further_round(self._config, repeat, self._planned)
        self._num_rounds = until
        self._tell(self._planned[first:])
        return self._planned[first:]

    def _write(self, decision: Decision) -> None:
        assert decision.reason is not None, "only a reason ends a sweep"
        self._store.write_stop(
            StopRecord(
                sweep_id=self._sweep_id,
                reason=decision.reason,
                num_repeats=decision.num_rounds,
                half_width_frac=decision.half_width_frac,
                wanted_half_width_frac=self._rule.half_width_frac,
                stopped_at_utc=datetime.now(UTC),
            )
        )


def num_rounds(planned: Iterable[PlannedRun]) -> int:
    """Return how many repeats every point has; a sentinel may have more."""
    counts: dict[str, int] = {}
    for run in planned:
        counts[run.point.point_id] = counts.get(run.point.point_id, 0) + 1
    return min(counts.values(), default=0)


def log_throughputs(runs: Sequence[RunRecord], num_rounds: int) -> Mapping[int, Sequence[float]]:
    """Return the mean ln samples/s of every world size and round, shape (num_rounds,) each.

    Of the curve: world size 1 without DDP, where it was measured so. A round without a valid run is
    NaN; a world size without one at all is left out.
    """
    timed = [run for run in runs if run.is_finished and run.throughput_samples_per_s]
    valid = [run for run in timed if not set(run.flags) & set(INVALID_FLAGS)]
    has_plain = any(run.point.world_size == 1 and not run.point.is_ddp for run in valid)
    values: dict[int, list[list[float]]] = {}
    for run in first_of_launches(valid):
        is_beside = has_plain and run.point.world_size == 1 and run.point.is_ddp
        if not is_beside and run.repeat < num_rounds:
            rounds = values.setdefault(run.point.world_size, [[] for _ in range(num_rounds)])
            rounds[run.repeat].append(math.log(run.throughput_samples_per_s or math.nan))
    return {n: [fmean(x) if x else math.nan for x in rounds] for n, rounds in values.items()}
