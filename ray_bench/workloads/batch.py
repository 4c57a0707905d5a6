"""What a batch is: how it is handed to the module, moved to a device, and counted.

With a loss of two arguments the last item of a tuple is the targets, and what stands before are
the module's arguments; a batch that is no tuple is both. With a loss of one argument, or none, all
of the batch is the module's.

Inputs that are a mapping or a dataclass are keyword arguments, of which those that `forward` does
not name are left out, as transformers' Trainer does; a mapping that `forward` takes as one argument
stays one. Of a pair whose inputs are a tuple, the tuple is one argument where `forward` takes one,
else several.

What a batch is like is decided with the first one; the others must be like it.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch

from ray_bench.errors import TrainingError

#: Of a mapping, what has one row a sample; else the first tensor in it.
_ROWS = ("input_ids", "labels")


class Arguments(NamedTuple):
    """What the module is called with, and what its outputs are compared with."""

    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    targets: Any


_Split = Callable[[Any], Arguments]
_NO_KEYWORDS: Mapping[str, Any] = {}


@final
class BatchReader:
    """Reads the batches of a workload.

    Args:
        module: What is trained; its `forward` says which arguments it takes.
        has_targets: Whether the loss takes two arguments, outputs and targets.
        num_samples: The workload's own count of a batch; None: by its shape.
        num_tokens: The same for tokens; None: by `attention_mask` or `input_ids`.
    """

    def __init__(
        self,
        module: torch.nn.Module | None = None,
        *,
        has_targets: bool = True,
        num_samples: Callable[[Any], Any] | None = None,
        num_tokens: Callable[[Any], Any] | None = None,
    ) -> None:
        self._module = module
        self._has_targets = has_targets
        self._num_samples = num_samples or self.num_rows
        self._num_tokens = num_tokens or self._count_tokens
        self._split: _Split | None = None

    def arguments(self, batch: Any) -> Arguments:
        """Return what the module and the loss get of a batch.

        Raises:
            TrainingError: `forward` cannot be called with it, or targets are missing.
        """
        if self._split is None:
            self._split = self._chosen(batch)
        return self._split(batch)

    def num_samples(self, batch: Any) -> int:
        """Return the samples of a batch.

        Raises:
            TrainingError: They cannot be told, or the workload's own count is no whole number.
        """
        count = self._num_samples(batch)
        if isinstance(count, int):
            return count
        return _whole_number(count, "num_samples")

    def num_tokens(self, batch: Any) -> Any:
        """Return the tokens of a batch, None where it has none.

        A count of a mask that is on a GPU stays there, a tensor of one number, so that nobody waits
        for it.

        Raises:
            TrainingError: The workload's own count is no whole number.
        """
        count = self._num_tokens(batch)
        if count is None or isinstance(count, int | torch.Tensor):
            return count
        return _whole_number(count, "num_tokens")

    def _chosen(self, batch: Any) -> _Split:
        """Return how batches like this one are split."""
        if not isinstance(batch, tuple | list):
            taken = self._taken(batch)
            return lambda batch: Arguments(*taken(batch), batch)
        if not self._has_targets:
            self._check(*batch)
            return lambda batch: Arguments(tuple(batch), _NO_KEYWORDS, None)
        if len(batch) > 2:
            self._check(*batch[:-1])
            return lambda batch: Arguments(tuple(batch[:-1]), _NO_KEYWORDS, batch[-1])
        if len(batch) < 2:
            raise TrainingError(
                f"The workload's batches have {len(batch)} item and no targets; yield (inputs, "
                "targets), or return a loss_fn of one argument, or none where the module's outputs "
                "have the loss."
            )
        if isinstance(batch[0], torch.Tensor):
            return _pair
        taken = self._taken(batch[0])
        return lambda batch: Arguments(*taken(batch[0]), batch[1])

    def _check(self, *args: Any) -> None:
        """Refuse a tuple of which `forward` does not take so many items."""
        signature = _signature(self._module)
        if signature is not None and not _binds(signature, *args):
            kinds = ", ".join(type(item).__name__ for item in args)
            raise TrainingError(
                f"The module's forward{signature} cannot be called with what the batches yield for "
                f"it, {len(args)} items ({kinds})."
            )

    def _taken(self, inputs: Any) -> Callable[[Any], tuple[tuple[Any, ...], Mapping[str, Any]]]:
        """Return what makes positional arguments and keywords of inputs that are one object."""
        signature = _signature(self._module)
        if isinstance(inputs, tuple | list):
            is_one = signature is None or _binds(signature, inputs)
            return _as_one if is_one else lambda inputs: (tuple(inputs), _NO_KEYWORDS)
        if not is_named(inputs):
            return _as_one
        names = _keywords(signature, named(inputs))
        if names is None:
            return _as_one
        return lambda inputs: ((), {name: x for name, x in named(inputs).items() if name in names})

    def num_rows(self, batch: Any) -> int:
        """Return the first dimension of a batch, its targets' before its inputs'.

        Raises:
            TrainingError: Nothing in it has one.
        """
        if (
            self._has_targets
            and type(batch) in (tuple, list)
            and batch
            and type(batch[-1]) is torch.Tensor
        ):
            shape = batch[-1].shape
            if shape:
                return shape[0]
        if not isinstance(batch, tuple | list):
            items: Sequence[Any] = (batch,)
        elif self._has_targets and batch:
            items = (batch[-1], *batch[:-1])
        else:
            items = batch
        rows = next((rows for item in items if (rows := rows_of(item)) is not None), None)
        if rows is None:
            raise TrainingError(
                f"The samples of a batch cannot be counted, got {type(batch).__name__}; give the "
                "workload a method num_samples(batch)."
            )
        return rows

    def _count_tokens(self, batch: Any) -> Any:
        inputs = batch[0] if isinstance(batch, tuple | list) and batch else batch
        count = tokens_of(named(inputs)) if is_named(inputs) else None
        if count is None:
            self._num_tokens = _no_tokens
        return count


def _no_tokens(batch: Any) -> None:
    del batch


def _pair(batch: Any) -> Arguments:
    return Arguments((batch[0],), _NO_KEYWORDS, batch[1])


def _as_one(inputs: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    return (inputs,), _NO_KEYWORDS


def is_named(value: Any) -> bool:
    """Tell whether a batch gives names to what it has: a mapping or a dataclass."""
    return isinstance(value, Mapping) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def named(value: Any) -> Mapping[str, Any]:
    """Return what a mapping or a dataclass has, by name."""
    if isinstance(value, Mapping):
        return value
    return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}


def rows_of(value: Any) -> int | None:
    """Return the length of what has one row a sample; None where it cannot be told.

    Several tensors may be as many columns, or one a sample: only where they agree it is known.
    """
    if isinstance(value, torch.Tensor):
        return len(value) if value.ndim else None
    if is_named(value):
        items = named(value)
        tensors = [items.get(name) for name in _ROWS] + list(items.values())
        return next((len(x) for x in tensors if isinstance(x, torch.Tensor) and x.ndim), None)
    if not isinstance(value, tuple | list):
        return None
    if not any(isinstance(item, torch.Tensor | tuple | list) for item in value):
        return len(value)
    lengths = {rows_of(item) for item in value} | {len(value)}
    return len(value) if len(lengths) == 1 else None


def tokens_of(batch: Mapping[str, Any]) -> Any:
    """Return the tokens that `attention_mask` lets through, else the entries of `input_ids`."""
    mask = batch.get("attention_mask")
    if isinstance(mask, torch.Tensor) and mask.ndim == 2 and not mask.is_floating_point():
        total = mask.sum()
        return total if mask.is_cuda else int(total)
    ids = batch.get("input_ids")
    return ids.numel() if isinstance(ids, torch.Tensor) else None


def to_device(value: Any, device: torch.device) -> Any:
    """Move tensors to a device, also those in tuples, lists, mappings and dataclasses.

    What has a method `to` moves itself, a tensor and many a library's batch; other values stay.
    """
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if type(value) in (tuple, list):
        return type(value)([to_device(item, device) for item in value])
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, tuple | list):
        items = [to_device(item, device) for item in value]
        return value._make(items) if hasattr(value, "_make") else type(value)(items)  # named ones
    if not is_named(value):
        return value
    return remade(value, {key: to_device(item, device) for key, item in named(value).items()})


def remade(value: Any, items: dict[str, Any]) -> Any:
    """Return a mapping or a dataclass of the same kind with other items."""
    if type(value) is dict or (isinstance(value, Mapping) and not hasattr(value, "update")):
        return items
    other = copy.copy(value)
    if isinstance(value, Mapping):
        other.update(items)
    else:
        for name, item in items.items():
            object.__setattr__(other, name, item)  # a frozen one, too
    return other


def as_loss(loss_fn: Callable[..., Any] | None) -> tuple[Callable[[Any, Any], Any], bool]:
    """Return a loss as a function of outputs and targets, and whether it looks at the targets.

    Args:
        loss_fn: Of outputs and targets, of outputs alone, or None: the module's outputs have it.

    Raises:
        TrainingError: It can be called with neither one nor two arguments.
    """
    if loss_fn is None:
        return lambda outputs, _: loss_of(outputs), False
    try:
        function = loss_fn.forward if isinstance(loss_fn, torch.nn.Module) else loss_fn
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some functions in C
        return loss_fn, True
    if _binds(signature, None, None):
        return loss_fn, True
    if _binds(signature, None):
        return lambda outputs, _: loss_fn(outputs), False
    raise TrainingError(
        f"The workload's loss_fn{signature} must take (outputs, targets), or outputs alone."
    )


def loss_of(outputs: Any) -> Any:
    """Return the loss that a module's outputs have: `outputs.loss`, `outputs["loss"]`, or itself.

    Raises:
        TrainingError: There is none.
    """
    if isinstance(outputs, torch.Tensor):
        return outputs
    is_mapping = isinstance(outputs, Mapping)
    loss = outputs.get("loss") if is_mapping else getattr(outputs, "loss", None)
    if loss is None:
        raise TrainingError(
            f"The workload's `build` returned no loss_fn, and the module's outputs have no loss, "
            f"got {type(outputs).__name__}; give the batches what the module computes it from (in "
            "transformers `labels`), or return a loss_fn."
        )
    return loss


def _signature(module: torch.nn.Module | None) -> inspect.Signature | None:
    """Return what `forward` takes; None where that cannot be read."""
    try:
        return None if module is None else inspect.signature(module.forward)
    except (TypeError, ValueError):
        return None


def _binds(signature: inspect.Signature, *args: Any, **keywords: Any) -> bool:
    try:
        signature.bind(*args, **keywords)
    except TypeError:
        return False
    return True


def _keywords(signature: inspect.Signature | None, inputs: Mapping[str, Any]) -> set[str] | None:
    """Return the names that are keyword arguments of `forward`; None: the mapping is one argument.

    Raises:
        TrainingError: `forward` can be called neither way.
    """
    if signature is None or _binds(signature, **inputs):
        return set(inputs)
    known = {name: inputs[name] for name in inputs if name in signature.parameters}
    if _binds(signature, **known):
        return set(known)
    if _binds(signature, inputs):
        return None
    raise TrainingError(
        f"The module's forward{signature} cannot be called with the batch's {', '.join(inputs)}; "
        "name them alike, or yield (inputs, targets)."
    )


def _whole_number(count: Any, name: str) -> int:
    number = count.item() if hasattr(count, "item") else count
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise TrainingError(
            f"The workload's {name}(batch) must return a whole number, got {type(count).__name__}."
        )
    return int(number)
