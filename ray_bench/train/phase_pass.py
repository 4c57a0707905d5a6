"""The phase pass: a few steps with marks and a hook, after the timed training is over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from ray_bench.measure.phases import PhaseProbe
from ray_bench.records import PhaseRecord
from ray_bench.train.loop import Loop
from ray_bench.train.model import wrap
from ray_bench.train.shares import Share, shares
from ray_bench.train.step import Stepper
from ray_bench.train.tally import Tally

#: DDP rebuilds its buckets after the first iteration; the second still allocates.
UNRECORDED_STEPS = 3


def phase_pass(loop: Loop, record: Callable[[PhaseRecord], None]) -> float:
    """Record the phases of `measure.phase_steps` steps; return the seconds that the pass took.

    The module is wrapped anew because a hook cannot be taken off DDP; what the pass does to the
    weights does not matter, training and evaluation are over. A step on a smaller batch than the
    others, at the end of an epoch, is made and not recorded.
    """
    begin_ns = loop.clock.now_ns()
    loop.module.train()  # a workload's own evaluate may have left it in evaluation mode
    probe = PhaseProbe(loop.clock, loop.group.device)
    stepper = _hooked(loop, probe)
    tally = Tally(loop.group.device)
    stream = _endless(loop)
    done, largest = -UNRECORDED_STEPS, 0
    while done < loop.config.measure.phase_steps:
        probe.start()
        share = next(stream)
        probe.mark("data_wait")
        outcome = stepper.step(share, mark=probe.mark, after_backward=probe.after_backward)
        tally.add(*outcome, share.num_samples)
        largest = max(largest, share.num_global_samples)
        if share.num_global_samples < largest:
            continue
        if done >= 0:
            probe.finish(record, run_id=loop.run_id, rank=loop.group.rank, step=done)
        done += 1
    return (loop.clock.now_ns() - begin_ns) * 1e-9


def _hooked(loop: Loop, probe: PhaseProbe) -> Stepper:
    if not loop.point.is_ddp:
        return loop.stepper
    wrapped = wrap(loop.module, loop.config.ddp, loop.group)
    probe.attach(wrapped)
    return replace(loop.stepper, module=wrapped)


def _endless(loop: Loop) -> Iterator[Share]:
    for epoch in itertools.count():
        yield from shares(loop.batches, epoch, loop.group)
