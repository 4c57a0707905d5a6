"""What is measured after the timed training, one pass after the other, none disturbing it.

What one of them breaks is recorded, and unknown; the others go on (`extras`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from ray_bench.measure.trace import chrome_trace
from ray_bench.records import BucketRecord, FailureRecord, Part, PhaseRecord, SyncPairRecord
from ray_bench.train.checkpoint import checkpoint_s
from ray_bench.train.extras import Extras
from ray_bench.train.flops import flops_per_sample
from ray_bench.train.group import Group
from ray_bench.train.loop import Loop
from ray_bench.train.model import in_ddp, unwrap
from ray_bench.train.noise_scale import GradNoise, grad_noise
from ray_bench.train.phase_pass import UNRECORDED_STEPS, phase_pass
from ray_bench.train.shares import endless, whole
from ray_bench.train.sync_pairs import sync_pairs

T = TypeVar("T")

PassRecord = PhaseRecord | BucketRecord | SyncPairRecord | FailureRecord
Record = Callable[[PassRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraMeasurements:
    """What the passes measured on one rank, beside the records. None: not asked for, or unknown."""

    compile_s: float | None  # before the first step
    phase_pass_s: float | None
    checkpoint_s: float | None  # of rank 0 alone
    flops_per_sample: float | None
    grad_noise: GradNoise | None  # the same on every rank
    trace: bytes | None  # Chrome trace, gzip-compressed JSON


#: What a turn of a ladder has after the first.
NOT_MEASURED = ExtraMeasurements(
    compile_s=None,
    phase_pass_s=None,
    checkpoint_s=None,
    flops_per_sample=None,
    grad_noise=None,
    trace=None,
)


def extra_passes(loop: Loop, record: Callable[[PassRecord], None]) -> ExtraMeasurements:
    """Make the passes that `measure` asks for; all ranks of the loop's group call it together.

    The loop's DDP is ended first, and with it the training: the passes change the weights. The
    noise of the gradient comes first, at the weights that training ended with. Records of a pass
    that fails on any rank are dropped.
    """
    measure = loop.config.measure
    loop = without_ddp(loop)
    extras = Extras(loop.group, loop.run_id, record, timeout_s=loop.config.launch.timeout_s)

    def passed(part: Part, is_asked: object, make: Callable[[Loop, Record], T]) -> T | None:
        if not is_asked:
            return None
        kept: list[PassRecord] = []
        made = extras.attempt(part, lambda group: (make(_within(loop, group), kept.append),))
        loop.module.zero_grad(set_to_none=True)  # of a step that broke off
        for item in kept if made else ():
            record(item)
        return made[0] if made else None

    noise = passed("noise", measure.noise_steps, lambda here, _: grad_noise(here))
    phase_pass_s = passed("phases", measure.phase_steps, phase_pass)
    passed("sync_pairs", measure.sync_pairs, sync_pairs)
    found = ExtraMeasurements(
        compile_s=loop.compile_s,
        phase_pass_s=phase_pass_s,
        checkpoint_s=passed("checkpoint", measure.checkpoint, lambda here, _: checkpoint_s(here)),
        flops_per_sample=passed("flops", True, lambda here, _: flops_per_sample(here)),
        grad_noise=noise,
        trace=passed("trace", measure.trace_steps, lambda here, _: _trace(here)),
    )
    extras.close()
    return found


def _within(loop: Loop, group: Group) -> Loop:
    """Return the loop with its ranks in another process group."""
    context = replace(loop.context, process_group=group.process_group)
    return replace(loop, group=group, context=context)


def without_ddp(loop: Loop) -> Loop:
    """Return the loop with its module as it was before it was put in DDP, which is ended."""
    unwrap(loop.stepper.module)
    return replace(loop, stepper=replace(loop.stepper, module=loop.module, watch=None))


def _trace(loop: Loop) -> bytes:
    loop.module.train()
    stream = whole(endless(loop.batches, loop.group))
    with contextlib.ExitStack() as stack:
        stepper = loop.stepper
        if loop.point.is_ddp:
            wrapped = in_ddp(loop.module, loop.ddp_arguments, loop.group, loop.sync_hook())
            stepper = replace(stepper, module=stack.enter_context(wrapped))
        for _ in range(UNRECORDED_STEPS):
            stepper.step(next(stream))
        return chrome_trace(
            lambda: stepper.step(next(stream)), loop.config.measure.trace_steps, loop.group.device
        )
