"""What a rank is doing, for those who look while it does it. No torch here: they do without it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ray_bench.train.requests import RunRequest

#: Of a run, in the order in which they begin; training and evaluating take turns.
Phase = Literal[
    "starting",  # handed to the cluster
    "waiting for places",
    "building",
    "compiling",
    "warm-up",
    "training",
    "evaluating",
    "checkpointing",
    "passes",
    "storing",
]


@dataclass(slots=True)
class LiveRank:
    """One rank. Its training thread sets this, any other reads it, and neither waits."""

    phase: Phase = "starting"
    sweep_id: str | None = None  # None: between two runs
    run_id: str | None = None
    num_steps: int | None = None  # of the run
    step: int = 0  # so many are done
    num_samples: int = 0  # of this rank, in those steps
    step_ended_s: float | None = None  # when the last one ended, by the host's monotonic clock
    epoch: int = 0  # from 1
    loss: float | None = None  # mean over this rank's samples in this epoch so far
    num_evaluated: int = 0  # samples of this rank, where the workload tells
    num_to_evaluate: int | None = None
    clock_s: Callable[[], float] = time.perf_counter

    def begin(self, request: RunRequest) -> None:
        """A run begins; what was known of an earlier one is forgotten."""
        self.phase = "building"
        self.num_steps, self.step, self.num_samples, self.step_ended_s = None, 0, 0, None
        self.epoch, self.loss = 0, None
        self.num_evaluated, self.num_to_evaluate = 0, None
        self.sweep_id, self.run_id = request.sweep_id, request.planned.run_id

    def end(self) -> None:
        """The run is over."""
        self.sweep_id = self.run_id = None

    def step_done(self, num_samples: int) -> None:
        """Count a step. Part of the timed loop: nothing here may take long."""
        self.step += 1
        self.num_samples += num_samples
        self.step_ended_s = self.clock_s()

    def evaluated(self, num_done: int, num_samples: int) -> None:
        """So many of this rank's validation samples are done; its share is `num_samples`."""
        self.num_evaluated, self.num_to_evaluate = num_done, num_samples
