"""One optimizer step, with and without phase marks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from ray_bench.errors import TrainingError
from ray_bench.records import CompileMode, Precision
from ray_bench.train.accumulate import not_reducing, parts_of
from ray_bench.train.grad_watch import GradWatch
from ray_bench.train.model import autocast, eagerly
from ray_bench.train.shares import Share
from ray_bench.workloads.base import check_loss
from ray_bench.workloads.batch import BatchReader
from ray_bench.workloads.contents import to_device


def _full_precision(outputs: Any) -> Any:
    """A loss and its sum over an epoch need more than bf16's three digits."""
    is_half = isinstance(outputs, torch.Tensor) and outputs.dtype == torch.bfloat16
    return outputs.float() if is_half else outputs


@contextlib.contextmanager
def unsearched() -> Iterator[None]:
    """Take the kernels that cuDNN guesses: to search the quickest for a shape can take seconds."""
    backend = torch.backends.cudnn
    before, backend.benchmark = backend.benchmark, False
    try:
        yield
    finally:
        backend.benchmark = before


def _no_mark(phase: str) -> None:
    del phase


def _unseen(loss: torch.Tensor, outputs: Any, targets: Any, num_samples: int) -> None:
    del loss, outputs, targets, num_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepper:
    """Everything that a step needs and that does not change between steps."""

    module: torch.nn.Module  # in DDP or plain
    loss_fn: Callable[[Any, Any], torch.Tensor]
    optimizer: torch.optim.Optimizer
    precision: Precision
    device: torch.device
    reader: BatchReader = field(default_factory=BatchReader)
    compile: CompileMode | None = None
    whole_batch: int | None = None  # samples of a usual part; None: nothing depends on it
    num_parts: int = 1  # of a share: they are computed one after the other
    clip_grad_norm: float | None = None
    watch: GradWatch | None = None

    def step(
        self,
        share: Share,
        *,
        mark: Callable[[str], None] = _no_mark,
        after_backward: Callable[[], None] = lambda: None,
        seen: Callable[[torch.Tensor, Any, Any, int], None] = _unseen,
    ) -> None:
        """Make one step; `seen` gets (mean loss, outputs, targets, samples) of every part."""
        *firsts, last = parts_of(share, self.num_parts, self.reader)
        if self.watch is not None:
            self.watch.begin(share)
        for number, part in enumerate(firsts):
            with not_reducing(self.module):
                found = self.forward_backward(part, mark=mark)
            mark("backward")
            if self.watch is not None and number == 0:
                self.watch.first_part(self.module)
            seen(*found, part.num_samples)
            mark("other")
        found = self.forward_backward(last, mark=mark)
        after_backward()
        if self.watch is not None:
            self.watch.reduced(self.module)
        self._update()
        mark("optimizer")
        seen(*found, last.num_samples)

    def gradients(self, share: Share) -> None:
        """Add this rank's gradients of a share to what the weights hold; outside of DDP."""
        for part in parts_of(share, self.num_parts, self.reader):
            self.forward_backward(part)

    def one_part(self, share: Share) -> Share:
        """Return the part of a share whose gradients are reduced: the last one."""
        return parts_of(share, self.num_parts, self.reader)[-1]

    def _update(self) -> None:
        if self.clip_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.clip_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def forward_backward(
        self, share: Share, *, mark: Callable[[str], None] = _no_mark
    ) -> tuple[torch.Tensor, Any, Any]:
        """Compute a part's gradients at once; return (mean loss over it, outputs, targets).

        Raises:
            TrainingError: Calls are compiled, each for one shape, and whole batches differ.
        """
        if self.whole_batch in (None, share.num_samples):
            return self._forward_backward(share, mark)
        if share.is_whole and self.compile not in (None, "none"):
            raise TrainingError(
                f"compile={self.compile} needs batches of one size, and one has "
                f"{share.num_samples} samples, an earlier one {self.whole_batch}; make "
                "them alike (of a loader: drop_last=True), or take compile=none."
            )
        # A last, smaller batch: to prepare for its shape would take longer than the epoch.
        with eagerly(self.compile), unsearched():
            return self._forward_backward(share, mark)

    def _forward_backward(
        self, share: Share, mark: Callable[[str], None]
    ) -> tuple[torch.Tensor, Any, Any]:
        args, keywords, targets = self.reader.arguments(to_device(share.batch, self.device))
        mark("host_to_device")
        with autocast(self.precision, self.device):
            outputs = _full_precision(self.module(*args, **keywords))
            mark("forward")
            loss = check_loss(self.loss_fn(outputs, targets))
        scaled = loss if share.weight == 1 else loss * share.weight
        mark("loss")
        scaled.backward()  # type: ignore[no-untyped-call]
        return loss, outputs, targets
