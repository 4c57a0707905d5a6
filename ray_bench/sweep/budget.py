"""What a sweep may take at most, in time or money, and what it measures first for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

from ray_bench.analysis.decision.aim import money_of, seconds_of
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError
from ray_bench.records import PlannedRun, RunRecord
from ray_bench.sweep.estimate import Estimates


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of this call; what earlier calls of a resumed sweep took does not count."""

    unit: Literal["s", "money"]
    limit: float
    price_per_worker_hour: float | None = None

    def spent_by(self, run: RunRecord) -> float:
        """Return what a run has taken of a budget of money."""
        return self.of(run.point.world_size, run.wall_s)

    def of(self, world_size: int, seconds: float) -> float:
        """Return what workers take in so many seconds, in the budget's unit."""
        if self.unit == "s":
            return seconds
        return world_size * seconds / 3600 * (self.price_per_worker_hour or 0.0)


def parse_budget(text: str, config: SweepConfig) -> Budget:
    """Return the budget of a text such as `20min` or `5USD`.

    Raises:
        ConfigError: If it is neither, or money without a price.
    """
    if config.interleaved:
        raise ConfigError(
            "--budget is for runs of their own; a ladder has stop.half_width=0.02 with "
            "stop.budget_s=600."
        )
    seconds = seconds_of(text)
    if seconds is not None:
        return Budget("s", seconds)
    money = money_of(text, config.currency)
    price = config.price_per_worker_hour
    if not price:
        raise ConfigError(
            f"A budget of {text} needs a price: price_per_worker_hour=2.5 currency="
            f"{config.currency}, or give the budget as time, like 20min."
        )
    return Budget("money", money, price)


def informative_order(planned: Sequence[PlannedRun]) -> tuple[PlannedRun, ...]:
    """Return runs so that a curve can be read as early as possible.

    Round by round; in each the fewest workers, the most, then what halves the widest gap between
    the logarithms of the world sizes. Runs of one size keep their random order.
    """
    sizes = sorted({run.point.world_size for run in planned})
    rank = {size: number for number, size in enumerate(_bisecting(sizes))}
    ordered = sorted(planned, key=lambda run: (run.repeat, rank[run.point.world_size]))
    return tuple(replace(run, order_index=index) for index, run in enumerate(ordered))


def _bisecting(sizes: Sequence[int]) -> list[int]:
    chosen = list(dict.fromkeys([*sizes[:1], *sizes[-1:]]))
    left = [size for size in sizes if size not in chosen]
    while left:
        best = max(left, key=lambda x: (min(abs(math.log(x / y)) for y in chosen), -x))
        chosen.append(best)
        left.remove(best)
    return chosen


@final
class Spending:
    """How much of a budget is left.

    Args:
        budget: The limit.
        clock_s: Seconds that only grow; the budget's time counts from now.
    """

    def __init__(self, budget: Budget, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock_s = clock_s
        self._start_s = clock_s()
        self._money = 0.0

    @property
    def left(self) -> float:
        """In the budget's unit."""
        if self._budget.unit == "s":
            return self._budget.limit - (self._clock_s() - self._start_s)
        return self._budget.limit - self._money

    def finished(self, run: RunRecord) -> None:
        """Count a run that has ended."""
        if self._budget.unit == "money":
            self._money += self._budget.spent_by(run)

    def left_s(self, world_size: int) -> float:
        """Return how many seconds a run of this many workers may still take."""
        rate = self._budget.of(world_size, 1.0)
        return max(0.0, self.left) / rate


@final
class AffordableRuns:
    """Gives the next runs that the budget can pay, a round at a time.

    Args:
        todo: In the order in which they tell most.
        spending: What is left.
        budget: In which unit.
        estimates: Asked anew before each round: it has learned from the last.
        further: Gives more runs when these are made, where a stop rule wants them.
    """

    def __init__(
        self,
        todo: Sequence[PlannedRun],
        spending: Spending,
        budget: Budget,
        estimates: Callable[[], Estimates],
        further: Callable[[], Sequence[PlannedRun]] | None = None,
    ) -> None:
        self._todo = list(todo)
        self._spending = spending
        self._budget = budget
        self._estimates = estimates
        self._further = further

    def next(self) -> tuple[PlannedRun, ...]:
        """Return runs of one round; none where nothing is left or nothing can be paid."""
        if not self._todo and self._further is not None:
            self._todo = list(self._further())
        if not self._todo:
            return ()
        estimates, left = self._estimates(), self._spending.left
        if estimates.of(self._todo[0].point) is None:
            return self._taken(self._todo[:1]) if left > 0 else ()  # it will tell
        chosen: list[PlannedRun] = []
        for run in self._todo:
            price = self._price(estimates, run)
            if price <= left and (not chosen or run.repeat == chosen[0].repeat):
                chosen.append(run)
                left -= price
        return self._taken(chosen)

    def _price(self, estimates: Estimates, run: PlannedRun) -> float:
        found = estimates.of(run.point)
        if found is None:
            return math.inf
        # A size that is not on the curve yet is worth a risk; a repeat is not.
        seconds = found.seconds.middle_s if run.repeat == 0 else found.seconds.high_s
        return self._budget.of(run.point.world_size, seconds)

    def _taken(self, runs: Sequence[PlannedRun]) -> tuple[PlannedRun, ...]:
        gone = {run.run_id for run in runs}
        self._todo = [run for run in self._todo if run.run_id not in gone]
        return tuple(runs)
