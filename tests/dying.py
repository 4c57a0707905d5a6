"""A workload whose last rank dies in the middle of its training."""

from __future__ import annotations

import itertools
import os
import signal
import time

import torch

from ray_bench.workloads.base import BuildContext
from tests.fakes import TinyWorkload

STEP_S = 0.05
DIES_AT_STEP = 80
KILLED, RAISES = range(2)


class OddError(Exception):
    """No pickle takes it."""

    def __reduce__(self):
        raise TypeError("an open socket")


class Dying(TinyWorkload):
    """Seed 0: SIGKILL; seed 1: an exception that cannot be pickled."""

    def build(self, context: BuildContext):
        module, batches, _ = super().build(context)
        steps = itertools.count(1)
        is_last = context.rank == context.world_size - 1

        def loss_fn(outputs, targets):
            time.sleep(STEP_S)
            if next(steps) == DIES_AT_STEP and is_last:
                if context.seed == KILLED:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OddError("the last rank gives up")
            return torch.nn.functional.cross_entropy(outputs, targets)

        return module, batches, loss_fn
