"""A workload that fails in the way that its seed says."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ray_bench.workloads.base import BuildContext
from tests.fakes import TinyWorkload

FINE, RAISES_ON_RANK_ONE, NAN_LOSS, KILLED, OUT_OF_MEMORY = range(5)
#: In a step in the middle, on the last rank.
HANGS, STOPS, STALLS, EXITS, UNPICKLABLE, DIES, LASTS = range(5, 12)
#: Steps that are fine before it; warm-up is over by then.
MIDDLE = 250
STALL_S = 12
#: Names a file that gets the time of the harm.
MARK = "FAULT_MARK"


class UnpicklableError(Exception):
    """Holds what no pickle takes."""

    def __init__(self, planted: str) -> None:
        super().__init__(planted)
        self.lock = threading.Lock()


def hang() -> None:
    time.sleep(3600)


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def stall() -> None:
    subprocess.Popen(["sh", "-c", f"sleep {STALL_S}; kill -CONT {os.getpid()}"])
    stop()


def leave() -> None:
    os._exit(3)


def raise_the_odd() -> None:
    raise UnpicklableError("planted: cannot be pickled")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


HARMS: dict[int, Callable[[], None]] = {
    HANGS: hang,
    STOPS: stop,
    STALLS: stall,
    EXITS: leave,
    UNPICKLABLE: raise_the_odd,
    DIES: die,
    LASTS: lambda: None,  # for harm from outside
}


class Faulty(TinyWorkload):
    """Seed 0 trains; the others fail, each in its own way."""

    def build(self, context: BuildContext):
        module, batches, loss_fn = super().build(context)
        is_last = context.rank == context.world_size - 1
        if context.seed == RAISES_ON_RANK_ONE and context.rank == 1:
            raise ValueError("the second rank does not like its data")
        if context.seed == KILLED and is_last:
            # Ray names no rank where a worker dies before it has said that it began.
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGKILL)
        if context.seed == OUT_OF_MEMORY:
            torch.empty(10**16)
        if context.seed == NAN_LOSS:
            return module, batches, lambda outputs, targets: loss_fn(outputs, targets) * torch.nan
        if context.seed in HARMS:
            return module, batches, InTheMiddle(loss_fn, HARMS[context.seed] if is_last else None)
        return module, batches, loss_fn


class InTheMiddle:
    """A loss that does harm once, some steps after the first."""

    def __init__(self, loss_fn: Callable, harm: Callable[[], None] | None) -> None:
        self.loss_fn = loss_fn
        self.harm = harm
        self.num_calls = 0

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        time.sleep(0.02)
        self.num_calls += 1
        if self.num_calls == MIDDLE and self.harm is not None:
            if MARK in os.environ:
                Path(os.environ[MARK]).write_text(str(time.time()))
            self.harm()
        return self.loss_fn(outputs, targets)
