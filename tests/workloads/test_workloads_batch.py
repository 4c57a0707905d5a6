"""How a batch is handed to the module, moved and counted, whatever people make theirs of."""

from __future__ import annotations

from collections import UserDict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from ray_bench.errors import TrainingError
from ray_bench.workloads.batch import BatchReader
from ray_bench.workloads.contents import rows_of, to_device
from ray_bench.workloads.losses import as_loss, loss_of

X, Y, Z = torch.zeros(4, 3), torch.arange(4), torch.ones(4, 2)


class Module(torch.nn.Module):
    """Its forward is the function that it is given."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.forward = forward


@dataclass
class Rows:
    x: torch.Tensor
    y: torch.Tensor


class Pair(NamedTuple):
    x: torch.Tensor
    y: torch.Tensor


def one(x): ...
def two(x, z): ...
def whole(batch): ...
def anything(*args, **keywords): ...
def with_labels(input_ids, labels=None): ...


@pytest.mark.parametrize(
    ("forward", "batch", "args", "names"),
    [
        (one, (X, Y), 1, ""),
        (one, [X, Y], 1, ""),
        (one, Pair(X, Y), 1, ""),
        (one, X, 1, ""),
        (two, (X, Z, Y), 2, ""),
        (two, ((X, Z), Y), 2, ""),
        (one, ((X, Z), Y), 1, ""),
        (two, ({"x": X, "z": Z}, Y), 0, "x z"),
        (whole, ({"x": X, "z": Z}, Y), 1, ""),
        (one, {"x": X, "y": Y}, 0, "x"),
        (whole, {"x": X, "y": Y}, 1, ""),
        (with_labels, {"input_ids": X, "labels": Y, "idx": Y}, 0, "input_ids labels"),
        (anything, {"x": X, "y": Y}, 0, "x y"),
        (one, UserDict({"x": X, "y": Y}), 0, "x"),
        (one, Rows(X, Y), 0, "x"),
        (whole, Rows(X, Y), 1, ""),
    ],
)
def test_what_the_module_is_called_with(forward, batch, args, names):
    reader = BatchReader(Module(forward))
    for _ in range(2):  # decided with the first, the same for the next
        found = reader.arguments(batch)
        assert (len(found.args), " ".join(found.keywords)) == (args, names)
        forward(*found.args, **found.keywords)
    assert reader.num_samples(batch) == 4


@pytest.mark.parametrize(
    ("forward", "batch", "args", "names"),
    [
        (two, (X, Z), 2, ""),
        (with_labels, (X, Y), 2, ""),
        (with_labels, {"input_ids": X, "labels": Y}, 0, "input_ids labels"),
        (one, X, 1, ""),
    ],
)
def test_without_targets_all_of_the_batch_is_the_modules(forward, batch, args, names):
    reader = BatchReader(Module(forward), has_targets=False)
    found = reader.arguments(batch)
    assert (len(found.args), " ".join(found.keywords)) == (args, names)
    assert reader.num_samples(batch) == 4


def test_the_loss_gets_the_last_item_or_all_of_the_batch():
    assert BatchReader(Module(two)).arguments((X, Z, Y)).targets is Y
    batch = {"x": X, "y": Y}
    assert BatchReader(Module(one)).arguments(batch).targets is batch


@pytest.mark.parametrize(
    ("forward", "batch", "message"),
    [
        (one, (X,), "1 item and no targets"),
        (one, (X, X, Y), r"forward\(x\) cannot be called with .* 2 items \(Tensor, Tensor\)"),
        (two, {"a": X, "b": Y}, r"forward\(x, z\) cannot be called with the batch's a, b"),
    ],
)
def test_a_batch_that_forward_does_not_take_is_told(forward, batch, message):
    with pytest.raises(TrainingError, match=message):
        BatchReader(Module(forward)).arguments(batch)


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (X, 4),
        (torch.tensor(1.0), None),
        ({"pixels": torch.zeros(9, 3), "input_ids": X}, 4),
        ({"name": "a", "x": X}, 4),
        (["a", "b", "c"], 3),
        ([{"boxes": X}, {"boxes": X}], 2),  # detection: one a sample
        ([X, X], None),  # columns, or two samples?
        ([X] * 4, 4),
        ("text", None),
        (7, None),
        ([], 0),
    ],
)
def test_samples_are_counted_only_where_they_can_be_told(value, rows):
    assert rows_of(value) == rows


def test_where_the_targets_do_not_tell_the_inputs_do():
    assert BatchReader().num_samples((X, [Y, Y])) == 4
    images = [torch.zeros(3, 8, 8), torch.zeros(3, 9, 9)]
    assert BatchReader(has_targets=False).num_samples((images, [{"boxes": X}] * 2)) == 2
    with pytest.raises(TrainingError, match=r"cannot be counted, got list.*num_samples\(batch\)"):
        BatchReader(has_targets=False).num_samples([[X, X], [X, X]])


MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    ("batch", "tokens"),
    [
        ({"input_ids": torch.zeros(2, 3), "attention_mask": MASK}, 3),
        ({"input_ids": torch.zeros(2, 3), "attention_mask": MASK.bool()}, 3),
        ({"input_ids": torch.zeros(2, 3), "attention_mask": MASK.float()}, 6),  # added to scores
        ({"input_ids": torch.zeros(2, 3)}, 6),
        (({"input_ids": torch.zeros(2, 3)}, Y), 6),
        ({"x": X}, None),
        ((X, Y), None),
    ],
)
def test_tokens_are_those_of_the_mask_else_of_the_ids(batch, tokens):
    reader = BatchReader()
    assert [reader.num_tokens(batch), reader.num_tokens(batch)] == [tokens, tokens]


def test_a_workloads_own_counts_come_first():
    reader = BatchReader(num_samples=lambda batch: torch.tensor(5), num_tokens=lambda batch: 40.0)
    assert (reader.num_samples((X, Y)), reader.num_tokens((X, Y))) == (5, 40)
    for wrong in (None, "5", 2.5):
        reader = BatchReader(num_samples=lambda batch, wrong=wrong: wrong)
        with pytest.raises(TrainingError, match="must return a whole number"):
            reader.num_samples((X, Y))


class Own:
    def to(self, device):
        return f"on {device}"


@dataclass(frozen=True)
class Frozen:
    x: torch.Tensor
    name: str


def test_everything_that_has_tensors_is_moved_and_keeps_its_type():
    meta = torch.device("meta")
    batch = {
        "list": [X, "text", 3],
        "named": Pair(X, Y),
        "user": UserDict({"x": X}),
        "data": Frozen(X, "a"),
        "own": Own(),
    }
    moved = to_device(batch, meta)
    assert moved["list"][0].device == meta
    assert moved["list"][1:] == ["text", 3]
    assert isinstance(moved["named"], Pair)
    assert moved["named"].y.device == meta
    assert isinstance(moved["user"], UserDict)
    assert moved["user"]["x"].device == meta
    assert (moved["data"].x.device, moved["data"].name) == (meta, "a")
    assert moved["own"] == "on meta"
    assert batch["user"]["x"] is X
    assert batch["data"].x is X


class LossModule(torch.nn.Module):
    def forward(self, outputs):
        return outputs.mean()


@pytest.mark.parametrize(
    ("loss_fn", "has_targets"),
    [
        (torch.nn.functional.cross_entropy, True),
        (torch.nn.CrossEntropyLoss(), True),
        (lambda outputs, targets: outputs, True),
        (lambda *args: args[0], True),
        (lambda outputs: outputs, False),
        (LossModule(), False),
        (None, False),
    ],
)
def test_a_loss_takes_targets_where_it_takes_two_arguments(loss_fn, has_targets):
    function, found = as_loss(loss_fn)
    assert found is has_targets
    if not found:
        assert function(torch.tensor(2.0), "ignored") == 2


def test_a_loss_of_three_arguments_is_refused():
    with pytest.raises(TrainingError, match=r"loss_fn\(a, b, c\) must take \(outputs, targets\)"):
        as_loss(lambda a, b, c: a)


class Outputs:
    loss = torch.tensor(3.0)


def test_the_loss_of_a_module_is_in_its_outputs():
    assert loss_of({"loss": torch.tensor(3.0)}) == 3
    assert loss_of(Outputs()) == 3
    for nothing in ({"logits": X}, {"loss": None}, (X, X)):
        with pytest.raises(TrainingError, match="no loss_fn, and the module's outputs have no"):
            loss_of(nothing)
