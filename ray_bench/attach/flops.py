"""The floating-point operations of one step of a script, counted by torch, after the timed ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, final

import torch
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode

from ray_bench.attach.samples import Step
from ray_bench.attach.wrapping import wrap

#: The place of `create_graph` among the arguments of `torch.autograd.backward`.
_CREATE_GRAPH = 3


@final
class FlopWindow:
    """One step of one process under a counter; the script runs as before, only slower.

    Matrix products, convolutions and attention are counted, a multiplication and an addition as
    two, as for a workload (`train.flops`). What activation checkpointing computes again is left
    out: utilisation is that of the model.

    Args:
        record: Receives the operations and samples of a step, where both are known.
    """

    def __init__(self, record: Callable[[int, int], None]) -> None:
        self._record = record
        self._counter = _Counter()
        self._hooks = contextlib.ExitStack()
        self.is_over = False

    def open(self) -> None:
        """The next step is counted, where the script has no dispatch mode of its own."""
        if _get_current_dispatch_mode() is not None:  # the two could not end in order
            self.is_over = True
            return
        self._hooks.callback(wrap(torch.autograd, "backward", self._backward))
        self._hooks.enter_context(self._counter)

    def step_done(self, step: Step) -> None:
        """A step has ended; one with an evaluation in it does not count."""
        num_flops, self._counter.num_flops = self._counter.num_flops, 0
        self.is_over = not step.has_others
        if num_flops and step.count.samples and self.is_over:
            self._record(num_flops, step.count.samples)

    def close(self) -> None:
        """Count no more."""
        self._hooks.close()

    def _backward(self, original: Callable[..., Any]) -> Any:
        def backward(*args: Any, **kwargs: Any) -> Any:
            # The graph of a gradient that is to be derived again is no repetition.
            has_graph = args[_CREATE_GRAPH] if args[_CREATE_GRAPH:] else kwargs.get("create_graph")
            before = self._counter.is_plain_backward  # a checkpoint's own is within another one
            self._counter.is_plain_backward = not has_graph
            try:
                return original(*args, **kwargs)
            finally:
                self._counter.is_plain_backward = before

        return backward


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its base
    """Adds up what torch has a formula for.

    Unlike torch's own, which follows modules with hooks, it only looks on: what it cannot count
    leaves the sum unknown, 0, and the script alone.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from torch.utils.flop_counter import flop_registry  # it imports triton

        self._formulas = flop_registry
        self._is_known = True
        self._num_flops = 0
        self.is_plain_backward = False

    @property
    def num_flops(self) -> int:
        """Since it was set; 0 where it is unknown."""
        return self._num_flops if self._is_known else 0

    @num_flops.setter
    def num_flops(self, value: int) -> None:
        self._num_flops, self._is_known = value, True

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        found = func(*args, **keywords)
        formula = self._formulas.get(getattr(func, "_overloadpacket", None))
        is_again = self.is_plain_backward and torch.is_grad_enabled()
        if formula is not None and not is_again:
            self._add(formula, found, args, keywords)
        return found

    def _add(self, formula: Any, found: Any, args: Any, keywords: dict[str, Any]) -> None:
        # A sharded tensor has the shape of all its shards together.
        if any(issubclass(type(x), DTensor) for x in args):
            self._is_known = False
            return
        try:
            self._num_flops += formula(*args, **keywords, out_val=found)
        except (RuntimeError, TypeError, ValueError, AssertionError, IndexError):
            self._is_known = False
