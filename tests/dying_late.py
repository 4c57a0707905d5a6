"""A workload whose last rank is fine in training and fails in a pass after it."""

from __future__ import annotations

import os
import signal
import sys
import time

from ray_bench.workloads.base import BuildContext
from tests.fakes import TinyWorkload

KILLED, RAISES, HANGS = range(3)


class DyingLate(TinyWorkload):
    """Seed 0: SIGKILL; seed 1: an exception; seed 2: it stands still."""

    def build(self, context: BuildContext):
        module, batches, usual = super().build(context)
        is_last = context.rank == context.world_size - 1

        def loss_fn(outputs, targets):
            if is_last and _in_the_phase_pass():
                if context.seed == KILLED:
                    os.kill(os.getpid(), signal.SIGKILL)
                if context.seed == HANGS:
                    time.sleep(3600)
                raise ValueError("the last rank does not like the phase pass")
            return usual(outputs, targets)

        return module, batches, loss_fn


def _in_the_phase_pass() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith("/train/phase_pass.py"):
            return True
        frame = frame.f_back
    return False
