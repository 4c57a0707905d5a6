"""The phase pass: a few steps with marks and a hook, after the timed training is over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from ray_bench.config.schema import SweepConfig
from ray_bench.measure.clock import Clock
from ray_bench.measure.phases import PhaseProbe
from ray_bench.records import PhaseRecord
from ray_bench.train.group import Group
from ray_bench.train.model import wrap
from ray_bench.train.shares import Share, shares
from ray_bench.train.step import Stepper

#: DDP rebuilds its buckets after the first iteration; the second still allocates.
UNRECORDED_STEPS = 3


def phase_pass(
    stepper: Stepper,
    module: torch.nn.Module,
    batches: Any,
    *,
    is_ddp: bool,
    config: SweepConfig,
    group: Group,
    clock: Clock,
    record: Callable[[PhaseRecord], None],
    run_id: str,
) -> float:
    """Run `measure.phase_steps` steps with phase marks and return the seconds that the pass took.

    The module is wrapped anew because a hook cannot be taken off DDP; what the pass does to the
    weights does not matter, training and evaluation are over.
    """
    begin_ns = clock.now_ns()
    probe = PhaseProbe(clock, group.device)
    if is_ddp:
        wrapped = wrap(module, config.ddp, group)
        probe.attach(wrapped)
        stepper = replace(stepper, module=wrapped)
    stream = _endless(batches, group)
    for step in range(-UNRECORDED_STEPS, config.measure.phase_steps):
        probe.start()
        share = next(stream)
        probe.mark("data_wait")
        stepper.step(share, mark=probe.mark, after_backward=probe.after_backward)
        if step >= 0:
            probe.finish(record, run_id=run_id, rank=group.rank, step=step)
    return (clock.now_ns() - begin_ns) * 1e-9


def _endless(batches: Any, group: Group) -> Iterator[Share]:
    for epoch in itertools.count():
        yield from shares(batches, epoch, group)
