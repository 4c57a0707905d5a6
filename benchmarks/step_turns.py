"""Turns for a plain training loop: one call after each step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, final

import torch

from benchmarks.player import Player, Stopped
from ray_bench.measure.memory import peak_memory_bytes


@final
class StepTurns:
    """Counts steps, times each turn with one stamp at either end, and waits between turns.

    Warm-up is a number of steps; a turn then has as many as the referee says. Where the job has
    no end in steps, it is trained through and there are no turns.
    """

    def __init__(self, job: Mapping[str, Any], rank: int, stamps: dict[str, float]) -> None:
        self.stamps = stamps
        self._player = Player(job["address"], rank)
        self._warmup_steps = max(1, int(job["warmup_steps"]))
        self._max_steps: int | None = job["max_steps"]
        self._total = 0
        self._done = 0
        self._wanted: int | None = None  # None while warming up
        self._begin_s = time.perf_counter()

    def step_done(self) -> None:
        """Count a step.

        Raises:
            Stopped: If it was the last.
        """
        self._total += 1
        self._done += 1
        if self._total == 1:
            self._player.hello(self.stamps)
        if self._max_steps is None:
            return
        if self._total >= self._max_steps:
            raise Stopped
        if self._wanted is None:
            if self._total < self._warmup_steps:
                return
            self._player.ready(1)
        elif self._done < self._wanted:
            return
        else:
            seconds = time.perf_counter() - self._begin_s
            memory = peak_memory_bytes(torch.device("cpu"))
            self._player.done(self._done, seconds, memory)
        self._wanted = self._player.wait()
        self._done = 0
        self._begin_s = time.perf_counter()

    def answer(self, values: Mapping[str, Any]) -> None:
        """Tell the result of a training that came to its end."""
        self._player.answer(values)
