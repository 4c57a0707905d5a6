"""Steps with gradient synchronisation beside steps without it: what does it cost in all?

The exposed communication is only what the backward pass waits for. Reducing gradients also takes
cores and memory bandwidth from the computation; the difference of the two steps holds both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from torch.nn.parallel import DistributedDataParallel

from ray_bench.records import SyncPairRecord
from ray_bench.train.loop import Loop
from ray_bench.train.model import in_ddp
from ray_bench.train.phase_pass import UNRECORDED_STEPS
from ray_bench.train.shares import Share, endless, whole
from ray_bench.train.step import Stepper


def sync_pairs(loop: Loop, record: Callable[[SyncPairRecord], None]) -> None:
    """Record `measure.sync_pairs` pairs of steps on this rank; none without other ranks.

    Both steps of a pair train on one share, and every other pair begins without synchronisation.
    Gradients are cleared in each step, so that none add up. The ranks drift apart, as it does not
    matter any more. The loop's module must not be in another DDP.
    """
    if not loop.point.is_ddp or loop.group.world_size == 1:
        return
    loop.module.train()
    stream = whole(endless(loop.batches, loop.group))
    with in_ddp(loop.module, loop.ddp_arguments, loop.group, loop.sync_hook()) as wrapped:
        stepper = replace(loop.stepper, module=wrapped)
        # A static graph allows no_sync() once steps with synchronisation have gone before.
        for _ in range(UNRECORDED_STEPS):
            _step_s(loop, stepper, wrapped, next(stream), is_sync=True)
        _step_s(loop, stepper, wrapped, next(stream), is_sync=False)
        for pair in range(loop.config.measure.sync_pairs):
            share = next(stream)
            order = (True, False) if pair % 2 == 0 else (False, True)
            seconds = {
                is_sync: _step_s(loop, stepper, wrapped, share, is_sync=is_sync)
                for is_sync in order
            }
            record(
                SyncPairRecord(
                    run_id=loop.run_id,
                    rank=loop.group.rank,
                    pair=pair,
                    sync_s=seconds[True],
                    no_sync_s=seconds[False],
                )
            )


def _step_s(
    loop: Loop, stepper: Stepper, wrapped: DistributedDataParallel, share: Share, *, is_sync: bool
) -> float:
    """Return the seconds of one step; all ranks begin it together, whatever the last one did."""
    loop.clock.synchronize()
    loop.group.barrier()
    begin_ns = loop.clock.now_ns()
    with contextlib.nullcontext() if is_sync else wrapped.no_sync():
        stepper.step(share)
    loop.clock.synchronize()
    return (loop.clock.now_ns() - begin_ns) * 1e-9
