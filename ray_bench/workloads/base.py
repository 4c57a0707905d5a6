"""The protocol of a workload, and the helper that shards data exactly.

A workload is any class with

    build(context) -> (module, batches, loss_fn) or (module, batches)

and, if it likes, `evaluate(module, context) -> Evaluation`, `optimizer(module, lr) -> Optimizer`,
`lr_scheduler(optimizer, context) -> LRScheduler`, stepped once an optimizer step,
`comm_hook(context) -> hook` (a DDP communication hook, called as `hook(None, bucket)` in every
pass), `num_samples(batch) -> int`, `num_tokens(batch) -> int` and `defaults =
WorkloadDefaults(...)`. Nothing else is asked of it. It is built once in every rank.

`batches` is iterated once an epoch and yields this rank's, `(inputs, targets)` or whatever else
`batch.py` reads: a `ShardedBatches`, a DataLoader with a DistributedSampler, or any iterable, which
needs `steps` where it has no length. `loss_fn(outputs, targets)`, or `loss_fn(outputs)`, returns
the mean over the samples that it was given; without one the module's outputs have the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch

from ray_bench.config.groups import DataConfig, EmulatedConfig
from ray_bench.config.groups import WorkloadDefaults as WorkloadDefaults  # for workloads, from here
from ray_bench.errors import TrainingError
from ray_bench.records import MemoryFormat
from ray_bench.workloads.batch import BatchReader
from ray_bench.workloads.losses import as_loss

MEMORY_FORMATS: Mapping[MemoryFormat, torch.memory_format] = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}
LossFn = Callable[[Any, Any], torch.Tensor]
#: (inputs of a share, sample seeds) -> inputs; see ShardedBatches.
Transform = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _tell_nobody(num_done: int, num_samples: int) -> None:
    del num_done, num_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """What a rank needs to know to build its workload."""

    rank: int
    world_size: int
    local_batch_size: int
    global_batch_size: int
    seed: int
    device: torch.device
    data: DataConfig
    emulated: EmulatedConfig = field(default_factory=EmulatedConfig)  # for that workload alone
    process_group: Any = None  # for communication of the workload's own; None: the default group
    memory_format: torch.memory_format = torch.contiguous_format  # of 4-dimensional inputs
    #: An `evaluate` that takes long may say after each batch how many samples of its share are
    #: done, and how many it has: `context.evaluated(done, len(share))`.
    evaluated: Callable[[int, int], None] = _tell_nobody
    num_steps: int | None = None  # optimizer steps of the training; known to `lr_scheduler`
    steps_per_epoch: int | None = None  # the same
    label_smoothing: float = 0.0  # for a workload with `takes_label_smoothing = True`
    max_eval_samples: int | None = None  # of all ranks; `eval_shard` keeps to it. None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One rank's share of an evaluation; the loop adds the shares of all ranks."""

    num_samples: int
    num_correct: int | None  # None where accuracy has no meaning
    loss_sum: float  # summed over samples, not averaged


@runtime_checkable
class Workload(Protocol):
    """What is trained."""

    def build(self, context: BuildContext) -> tuple[Any, ...]:
        """Return the module on any device, this rank's batches, and, if any, the loss."""
        ...


class ShardedBatches:
    """A data set in memory, cut into global batches and these into the ranks' shares.

    The order of an epoch depends on the seed and the epoch alone, so global batch i holds the same
    samples at every world size; rank r takes every `world_size`-th of them from r on. Nothing is
    padded and nothing is dropped: the last global batch may be smaller, and shares may differ by
    one sample. A rank whose share is empty gets an empty pair of tensors.

    Args:
        inputs: shape (num_samples, ...), any device; batches are indexed from it.
        targets: shape (num_samples, ...).
        context: rank, world size, batch sizes, seed.
        transform: called as `transform(inputs, sample_seeds)` on each share. The seeds, int64,
            shape (share,), belong to a place in the epoch's order, so that augmentation does not
            depend on the world size.
        dataset: name for the record.
        is_standin: the data are not what their name says.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        context: BuildContext,
        *,
        transform: Transform | None = None,
        dataset: str | None = None,
        is_standin: bool = False,
    ) -> None:
        if len(inputs) != len(targets):
            raise ValueError(
                "`inputs` and `targets` must have one length, "
                f"got {len(inputs)} and {len(targets)}."
            )
        self.dataset = dataset
        self.is_standin = is_standin
        self.num_samples = len(inputs)
        self._inputs = inputs
        self._targets = targets
        self._context = context
        self._transform = transform
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self.num_samples // self._context.global_batch_size)

    def global_sizes(self) -> list[int]:
        """Return the samples of every global batch, shape (len(self),)."""
        size = self._context.global_batch_size
        return [min(size, self.num_samples - start) for start in range(0, self.num_samples, size)]

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        context, size = self._context, self._context.global_batch_size
        generator = torch.Generator().manual_seed(hash((context.seed, self._epoch, 1)) % 2**63)
        order = torch.randperm(self.num_samples, generator=generator)
        seeds = torch.randint(2**62, (self.num_samples,), generator=generator)
        for start in range(0, self.num_samples, size):
            share = slice(
                start + context.rank, min(start + size, self.num_samples), context.world_size
            )
            rows = order[share].to(self._inputs.device)
            inputs = self._inputs[rows]
            if self._transform is not None:
                inputs = self._transform(inputs, seeds[share].to(inputs.device))
            yield inputs, self._targets[rows]


def check_built(built: Any) -> tuple[torch.nn.Module, Any, Callable[..., Any] | None]:
    """Return (module, batches, loss_fn or None), after checking that the protocol asks for it.

    Raises:
        TrainingError: If it is not; says what came instead.
    """
    if not isinstance(built, tuple | list) or len(built) not in (2, 3):
        raise TrainingError(
            "The workload's `build` must return (module, batches, loss_fn), or (module, batches) "
            f"where the module returns its loss, got {_what(built)}."
        )
    module, batches, loss_fn = (*built, None)[:3]
    if not isinstance(module, torch.nn.Module):
        raise TrainingError(
            "The first thing that the workload's `build` returns must be a torch.nn.Module, got "
            f"{_what(module)}."
        )
    if loss_fn is not None and not callable(loss_fn):
        raise TrainingError(
            "The third thing that the workload's `build` returns must be loss_fn(outputs, "
            f"targets), got {_what(loss_fn)}."
        )
    return module, batches, loss_fn


def make_reader(
    workload: Any, module: torch.nn.Module, loss_fn: Callable[..., Any] | None
) -> tuple[BatchReader, LossFn]:
    """Return what reads the workload's batches, and its loss as a function of two arguments."""
    loss, has_targets = as_loss(loss_fn)
    reader = BatchReader(
        module,
        has_targets=has_targets,
        num_samples=_own(workload, "num_samples"),
        num_tokens=_own(workload, "num_tokens"),
    )
    return reader, loss


def _own(workload: Any, name: str) -> Callable[[Any], Any] | None:
    method = getattr(workload, name, None)
    return method if callable(method) else None


def check_loss(loss: Any) -> torch.Tensor:
    """Return a loss, after checking that it is one number with a gradient.

    Raises:
        TrainingError: If it is not.
    """
    if isinstance(loss, torch.Tensor) and loss.ndim == 0:
        return loss
    raise TrainingError(
        "The workload's loss must be the mean over its samples, a tensor of one number and no "
        f"dimensions, got {_what(loss)}."
    )


def check_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """Return what `optimizer` returned, after checking its type.

    Raises:
        TrainingError: If it is no torch optimizer.
    """
    if isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    raise TrainingError(
        f"The workload's `optimizer` must return a torch.optim.Optimizer, got {_what(optimizer)}."
    )


def check_evaluation(evaluation: Any) -> Evaluation:
    """Return what `evaluate` returned, after checking its type.

    Raises:
        TrainingError: If it is no Evaluation.
    """
    if isinstance(evaluation, Evaluation):
        return evaluation
    raise TrainingError(
        f"The workload's `evaluate` must return an Evaluation, got {_what(evaluation)}."
    )


def _what(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"{len(value)} values"
    return "None" if value is None else type(value).__name__


def eval_shard(num_samples: int, context: BuildContext) -> slice:
    """Return this rank's share of an evaluation set: disjoint, complete, nothing padded.

    With `evaluation.max_samples` so many are shared, at even distances: the same samples at every
    world size, and of every class where the set is sorted by class.
    """
    most = context.max_eval_samples
    if most is None or most >= num_samples:
        return slice(context.rank, num_samples, context.world_size)
    step = num_samples // most
    return slice(context.rank * step, most * step, context.world_size * step)
