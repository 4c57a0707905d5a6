"""How a batch is handed to the module and the loss, and how its samples and tokens are counted.

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

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, final

import torch

from ray_bench.errors import TrainingError
from ray_bench.workloads.calls import binds, keywords_of, signature_of
from ray_bench.workloads.contents import is_named, named, rows_of, tokens_of


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
        signature = signature_of(self._module)
        if signature is not None and not binds(signature, *args):
            kinds = ", ".join(type(item).__name__ for item in args)
            raise TrainingError(
                f"The module's forward{signature} cannot be called with what the batches yield for "
                f"it, {len(args)} items ({kinds})."
            )

    def _taken(self, inputs: Any) -> Callable[[Any], tuple[tuple[Any, ...], Mapping[str, Any]]]:
        """Return what makes positional arguments and keywords of inputs that are one object."""
        signature = signature_of(self._module)
        if isinstance(inputs, tuple | list):
            is_one = signature is None or binds(signature, inputs)
            return _as_one if is_one else lambda inputs: (tuple(inputs), _NO_KEYWORDS)
        if not is_named(inputs):
            return _as_one
        names = keywords_of(signature, named(inputs))
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


def _whole_number(count: Any, name: str) -> int:
    number = count.item() if hasattr(count, "item") else count
    if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
        raise TrainingError(
            f"The workload's {name}(batch) must return a whole number, got {type(count).__name__}."
        )
    return int(number)
