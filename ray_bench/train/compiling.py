"""torch.compile: once before the first step, its seconds apart from those of the training."""

from __future__ import annotations

import itertools

import torch

from ray_bench.errors import TrainingError
from ray_bench.measure.clock import Clock
from ray_bench.records import CompileMode
from ray_bench.train.group import Group
from ray_bench.train.model import buffers_kept
from ray_bench.train.shares import Feed, Share, endless, whole
from ray_bench.train.step import Stepper

#: The first compiles, the second and third record CUDA graphs, where there are any.
_NUM_FIRST = 3
#: What follows is a typical pass.
_NUM_TYPICAL = 2


def compile_in_place(module: torch.nn.Module, mode: CompileMode | None) -> None:
    """Let calls of the module be compiled; its parameters and buffers stay where they are.

    To be done before DDP wraps it: the compiler sees DDP around the call and cuts the graph where
    gradient buckets end (`torch._dynamo.config.optimize_ddp`), so that they are reduced while the
    rest of the backward pass computes. Every shape is compiled for itself.
    """
    if mode in (None, "none"):
        return
    module.compile(mode=None if mode == "default" else mode, dynamic=False)


def compile_s(
    stepper: Stepper, module: torch.nn.Module, feed: Feed, group: Group, clock: Clock
) -> float | None:
    """Compile forward and backward, and return the seconds; None where nothing is compiled.

    What the first passes over a batch take longer than the next ones: compilation, and the
    recording of CUDA graphs. Weights, buffers and gradients are afterwards as they were. All ranks
    call it together.

    Raises:
        TrainingError: The module cannot be compiled; says why.
    """
    if stepper.compile in (None, "none"):
        return None
    share = stepper.one_part(next(whole(endless(feed, group))))
    module.train()
    try:
        with buffers_kept(module):
            seconds = [_pass_s(stepper, share, clock) for _ in range(_NUM_FIRST + _NUM_TYPICAL)]
    except RuntimeError as err:
        raise TrainingError(
            f"The module cannot be compiled: {_first_line(err)}. Take compile=none, or give the "
            "hosts what is lacking (on CPUs a C++ compiler)."
        ) from err
    typical_s = min(seconds[_NUM_FIRST:])
    return sum(max(0.0, first_s - typical_s) for first_s in itertools.islice(seconds, _NUM_FIRST))


def _pass_s(stepper: Stepper, share: Share, clock: Clock) -> float:
    clock.synchronize()
    begin_ns = clock.now_ns()
    stepper.forward_backward(share)
    stepper.optimizer.zero_grad(set_to_none=True)
    clock.synchronize()
    return (clock.now_ns() - begin_ns) * 1e-9


def _first_line(err: BaseException) -> str:
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return (lines[0] if lines else type(err).__name__).rstrip(".")
