"""A workload that fails in the way that its seed says."""

from __future__ import annotations

import os
import signal
import time

import torch

from ray_bench.workloads.base import BuildContext
from tests.fakes import TinyWorkload

FINE, RAISES_ON_RANK_ONE, NAN_LOSS, KILLED, OUT_OF_MEMORY = range(5)


class Faulty(TinyWorkload):
    """Seed 0 trains; the others fail, each in its own way."""

    def build(self, context: BuildContext):
        module, batches, loss_fn = super().build(context)
        if context.seed == RAISES_ON_RANK_ONE and context.rank == 1:
            raise ValueError("the second rank does not like its data")
        if context.seed == KILLED and context.rank == context.world_size - 1:
            # Ray names no rank where a worker dies before it has said that it began.
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGKILL)
        if context.seed == OUT_OF_MEMORY:
            torch.empty(10**16)
        if context.seed == NAN_LOSS:
            return module, batches, lambda outputs, targets: loss_fn(outputs, targets) * torch.nan
        return module, batches, loss_fn
