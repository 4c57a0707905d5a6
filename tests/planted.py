"""Sweeps with a planted change of the step time, each with noise of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ray_bench.records import Results
from tests.synthetic import amdahl_step_s, environment, synthetic


def planted(
    seed: int,
    slower: Callable[[int], float] = lambda _: 1.0,
    *,
    noise: float = 0.003,
    host: dict[str, object] | None = None,
    **changes: Any,
) -> Results:
    """Return a sweep whose step at N workers takes `slower(N)` times as long.

    Args:
        seed: Of the noise, and the sweep's id.
        slower: By world size.
        noise: Relative, between runs.
        host: Fields of the environment that differ.
        changes: What else `synthetic` takes.
    """
    rng = np.random.default_rng(seed)

    def step_s(size: int, batch: int) -> float:
        return amdahl_step_s(size, batch) * slower(size) * float(np.exp(noise * rng.normal()))

    found = synthetic(**{"noise": 0.0, "step_s": step_s, "with_phases": False, **changes})
    return on_host(replace(found, sweep=replace(found.sweep, sweep_id=f"s{seed}")), host or {})


def on_host(results: Results, changes: dict[str, object]) -> Results:
    """Return the results as if they had been measured on another host."""
    host = environment(**changes)
    key = host.environment_hash
    runs = tuple(
        replace(run, environment_hash=key, sweep_id=results.sweep.sweep_id) for run in results.runs
    )
    return replace(results, runs=runs, environments={key: host})


def at_eight(factor: float) -> Callable[[int], float]:
    """Return a slow-down of world size 8 alone."""
    return lambda size: factor if size == 8 else 1.0


def row_of(comparison, metric, size=None):
    """The one row of a metric."""
    (found,) = [x for x in comparison.rows if (x.metric, x.world_size) == (metric, size)]
    return found
