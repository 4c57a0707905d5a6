"""How long it takes to save a checkpoint."""

from __future__ import annotations

import os
import tempfile

import torch

from ray_bench.train.loop import Loop


def checkpoint_s(loop: Loop) -> float | None:
    """Return the seconds in which rank 0 saves model and optimizer; None on other ranks.

    One file in the folder for temporary files, written through to the disk and then removed. The
    other ranks wait. None as well where the file cannot be written: the training is measured, and
    a full disk shall not lose it.
    """
    seconds = _save_s(loop) if loop.group.rank == 0 else None
    loop.group.barrier()
    return seconds


def _save_s(loop: Loop) -> float | None:
    loop.clock.synchronize()
    begin_ns = loop.clock.now_ns()
    state = {"model": loop.module.state_dict(), "optimizer": loop.stepper.optimizer.state_dict()}
    try:
        with tempfile.TemporaryFile() as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
            return (loop.clock.now_ns() - begin_ns) * 1e-9
    except (OSError, RuntimeError):  # torch's writer turns an OSError into a RuntimeError
        return None
