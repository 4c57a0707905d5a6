"""The runs of a ladder: every world size takes a turn in every round, in Latin-square order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from ray_bench.config.grid import expand, points_of
from ray_bench.config.schema import SweepConfig
from ray_bench.records import PlannedRun, Point


def planned_runs(config: SweepConfig) -> tuple[PlannedRun, ...]:
    """Return every run that a sweep asks for, in the order in which it is to run."""
    return ladder_runs(config) if config.interleaved else expand(config)


def ladder_runs(config: SweepConfig, num_rounds: int | None = None) -> tuple[PlannedRun, ...]:
    """Return the turns of a ladder in their order; `repeat` is the round.

    Args:
        config: With its defaults filled in.
        num_rounds: None takes `ladder.rounds`. More rounds begin with the same ones.
    """
    arms = points_of(config)  # one learning-rate rule and one seed: the configuration checks it
    rounds = range(config.ladder.rounds if num_rounds is None else num_rounds)
    orders = _orders(arms, random.Random(config.launch.order_seed))
    turns = [(point, r) for r, order in zip(rounds, orders, strict=False) for point in order]
    return tuple(
        PlannedRun(point=point, repeat=r, order_index=index)
        for index, (point, r) in enumerate(turns)
    )


def _orders(arms: Sequence[Point], rng: random.Random) -> Iterator[tuple[Point, ...]]:
    """Yield the order of each round for ever: random cyclic Latin squares, one after the other.

    In as many rounds as there are arms each arm has every place once, so that a steady drift hits
    all of them alike.
    """
    while True:
        row = rng.sample(arms, len(arms))
        shifts = rng.sample(range(len(arms)), len(arms))
        for shift in shifts:
            yield (*row[shift:], *row[:shift])
