"""A workload whose last rank is killed in its third epoch, once: the next process finds a trace."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ray_bench.workloads.base import BuildContext
from tests.fakes import TinyWorkload

DIES_IN_EPOCH = 3


class DyingOnce(TinyWorkload):
    def build(self, context: BuildContext):
        module, batches, loss_fn = super().build(context)
        trace = Path(os.environ["DYING_ONCE"])
        is_last = context.rank == context.world_size - 1
        set_epoch = batches.set_epoch

        def told(epoch: int) -> None:
            set_epoch(epoch)
            if epoch == DIES_IN_EPOCH and is_last and not trace.exists():
                trace.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        batches.set_epoch = told
        return module, batches, loss_fn
