"""How long it takes to save a checkpoint."""

from __future__ import annotations

import os
import tempfile

import torch

from ray_bench.train.loop import Loop


def checkpoint_s(loop: Loop) -> float | None:
    """Return the seconds in which rank 0 saves model and optimizer; None on other ranks.

    One file in the folder for temporary files, written through to the disk and then removed.

    Raises:
        OSError, RuntimeError: If it cannot be written.
    """
    if loop.group.rank != 0:
        return None
    loop.clock.synchronize()
    begin_ns = loop.clock.now_ns()
    state = {"model": loop.module.state_dict(), "optimizer": loop.stepper.optimizer.state_dict()}
    with tempfile.TemporaryFile() as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
        return (loop.clock.now_ns() - begin_ns) * 1e-9
