"""Where a script's steps spend their time: some steps after the timed ones, with hooks.

Only where it is known how ranks communicate: a single one, or DDP without a hook of the script's
own. Elsewhere communication would look like computation, and a report would blame that.

Marks are those of `measure.phases`. What lies between the phases that can be told from outside
(copies to the device, gradients set to zero, clipping, printing) is `other`. Of several backward
passes that reduce gradients waiting for the slowest rank is not told from transfer.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, final

import torch
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import dataloader

from ray_bench.attach.samples import Step
from ray_bench.attach.wrapping import wrap
from ray_bench.measure.clock import Clock
from ray_bench.measure.phases import PhaseProbe
from ray_bench.measure.stamps import StepStamps

#: The first steps with hooks allocate, and DDP looks at its new hook.
UNRECORDED_STEPS = 3


@final
class PhaseWindow:
    """The steps of one process that are taken apart.

    Args:
        clock: Where the time comes from.
        device: That the script computes on.
        num_steps: To record.
        record: Receives every step that could be taken apart.
    """

    def __init__(
        self,
        clock: Clock,
        device: torch.device,
        *,
        num_steps: int,
        record: Callable[[StepStamps], None],
    ) -> None:
        self._probe = PhaseProbe(clock, device)
        self._num_steps = num_steps
        self._record = record
        self._done = -UNRECORDED_STEPS
        self._is_open = False  # within a step
        self._num_reduced = 0  # backward passes of the step whose gradients were reduced
        self._hooks = contextlib.ExitStack()

    @property
    def is_over(self) -> bool:
        """Whether as many steps were made as were asked for."""
        return self._done >= self._num_steps

    def open(self) -> None:
        """Put in the hooks; the next step begins now."""
        for owner, name, around in (
            (dataloader._BaseDataLoaderIter, "__next__", self._phase("data_wait")),
            (torch.autograd, "backward", self._backward),
        ):
            self._hooks.callback(wrap(owner, name, around))
        self._hooks.callback(
            register_optimizer_step_pre_hook(lambda *_: self._mark("other")).remove
        )
        self._hooks.callback(
            register_optimizer_step_post_hook(lambda *_: self._mark("optimizer")).remove
        )
        modules = [x for x in gc.get_objects() if issubclass(type(x), torch.nn.Module)]
        for root in roots(modules):
            before = root.register_forward_pre_hook(lambda *_: self._mark("other"))
            after = root.register_forward_hook(lambda *_: self._mark("forward"))
            self._hooks.callback(before.remove)
            self._hooks.callback(after.remove)
        for module in modules:
            if issubclass(type(module), DistributedDataParallel):
                self._watch(module)
        self._start()

    def step_done(self, step: Step) -> None:
        """A step has ended; one with an evaluation in it is not kept."""
        self._mark("optimizer" if step.is_update else "other")
        stamps = self._probe.finish(max(0, self._done))
        if self._num_reduced > 1:  # of which pass is a bucket? What is exposed is told all the same
            stamps = replace(stamps, buckets=())
        if self._done >= 0 and not step.has_others:
            self._record(stamps)
        self._done += not step.has_others
        self._start()

    def close(self) -> None:
        """Take the hooks out."""
        self._is_open = False
        self._hooks.close()

    def _start(self) -> None:
        self._probe.start()
        self._is_open, self._num_reduced = True, 0

    def _mark(self, phase: str) -> None:
        if self._is_open:
            self._probe.mark(phase)

    def _phase(self, name: str) -> Callable[[Callable[..., Any]], Any]:
        def around(original: Callable[..., Any]) -> Any:
            def timed(*args: Any, **kwargs: Any) -> Any:
                self._mark("other")
                try:
                    return original(*args, **kwargs)
                finally:
                    self._mark(name)

            return timed

        return around

    def _backward(self, original: Callable[..., Any]) -> Any:
        def backward(*args: Any, **kwargs: Any) -> Any:
            self._mark("loss")
            self._probe.before_backward()
            result = original(*args, **kwargs)
            self._num_reduced += self._probe.has_reduced
            if self._is_open:
                self._probe.after_backward()
            return result

        return backward

    def _watch(self, module: Any) -> None:
        """Stamp the buckets of a DDP that has no hook yet; it takes one once."""
        if not module._comm_hooks:
            module.register_comm_hook(module.process_group, self._probe.hook(allreduce_hook))


def roots(modules: list[Any]) -> Iterator[Any]:
    """Yield the modules that are in no other one, with parameters."""
    inner = {id(child) for module in modules for child in module.children()}
    for module in modules:
        if id(module) not in inner and next(module.parameters(), None) is not None:
            yield module
