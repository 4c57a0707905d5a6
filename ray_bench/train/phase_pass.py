"""The phase pass: a few steps with marks and a hook, after the timed training is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ray_bench.measure.offsets import clock_offset_ns
from ray_bench.measure.phases import PhaseProbe
from ray_bench.measure.skew import phase_records
from ray_bench.measure.stamps import StepStamps
from ray_bench.records import BucketRecord, PhaseRecord
from ray_bench.train.loop import Loop
from ray_bench.train.model import in_ddp
from ray_bench.train.shares import endless
from ray_bench.train.step import Stepper
from ray_bench.train.tally import Tally

#: DDP rebuilds its buckets after the first iteration; the second still allocates.
UNRECORDED_STEPS = 3


def phase_pass(loop: Loop, record: Callable[[PhaseRecord | BucketRecord], None]) -> float:
    """Record `measure.phase_steps` steps on this rank; return the seconds that the pass took.

    The loop's module must not be in another DDP (`passes.without_ddp`). What the pass does to the
    weights does not matter, training and evaluation are over.
    """
    begin_ns = loop.clock.now_ns()
    offset_ns = clock_offset_ns(
        loop.clock,
        rank=loop.group.rank,
        world_size=loop.group.world_size,
        device=loop.group.device,
        process_group=loop.group.process_group,
    )
    mine = [step.shifted(-offset_ns) for step in stamped_steps(loop)]
    for ranks in zip(*loop.group.gather(mine), strict=True):
        for item in phase_records(loop.group.rank, ranks, run_id=loop.run_id):
            record(item)
    return (loop.clock.now_ns() - begin_ns) * 1e-9


def stamped_steps(loop: Loop) -> list[StepStamps]:
    """Make `measure.phase_steps` steps and return them, stamped by this rank's own clock."""
    loop.module.train()  # a workload's own evaluate may have left it in evaluation mode
    probe = PhaseProbe(loop.clock, loop.group.device)
    if not loop.point.is_ddp:
        return _steps(loop, loop.stepper, probe)
    hook = loop.sync_hook(probe.hook)
    with in_ddp(loop.module, loop.ddp_arguments, loop.group, hook) as wrapped:
        return _steps(loop, replace(loop.stepper, module=wrapped), probe)


def _steps(loop: Loop, stepper: Stepper, probe: PhaseProbe) -> list[StepStamps]:
    """A step on a batch that is not a whole one, at the end of an epoch, is made and not kept."""
    stream, tally = endless(loop.batches, loop.group), Tally(loop.group.device)
    kept: list[StepStamps] = []
    done = -UNRECORDED_STEPS
    while done < loop.config.measure.phase_steps:
        probe.start()
        share, is_whole = next(stream)
        probe.mark("data_wait")
        stepper.step(share, mark=probe.mark, after_backward=probe.after_backward, seen=tally.add)
        stamps = probe.finish(done)
        if is_whole and done >= 0:
            kept.append(stamps)
        done += is_whole
    return kept
