"""How many samples a batch has."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ray_bench.attach.loaders import Ledger, tap
from ray_bench.attach.samples import Count, count_of

IDS = torch.zeros(4, 7, dtype=torch.long)


@pytest.mark.parametrize(
    ("batch", "samples", "tokens"),
    [
        (torch.zeros(5, 3), 5, None),
        ((torch.zeros(5, 3), torch.zeros(5)), 5, None),
        ({"input_ids": IDS, "labels": IDS}, 4, 28),
        ({"input_ids": IDS, "attention_mask": (IDS == 0).long().tril()}, 4, 10),
        ([{"image": torch.zeros(2, 3)}, {"image": torch.zeros(2, 3)}], 2, None),
        ({"name": "text", "x": np.zeros((6, 2))}, 6, None),
    ],
)
def test_a_batch_is_counted_by_its_first_dimension(batch, samples, tokens):
    assert count_of(batch, None) == Count(samples, tokens, "batch")


@pytest.mark.parametrize("batch", ["text", 3.0, None, torch.tensor(1.0), object(), [], {}])
def test_what_cannot_be_counted_is_unknown(batch):
    assert count_of(batch, None) == Count(0, None, "unknown")


def test_the_list_of_indices_comes_before_the_batch():
    boxes = [torch.zeros(9, 4), torch.zeros(2, 4)]  # detection: one list a sample
    assert count_of(boxes, 2) == Count(2, None, "indices")


@pytest.fixture
def ledger():
    ledger = Ledger()
    end = tap(ledger)
    yield ledger
    end()


def data(num: int) -> Dataset:
    return TensorDataset(torch.zeros(num, 2), torch.zeros(num))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_batch_is_counted_when_it_is_yielded(ledger, num_workers):
    found = []
    for _ in DataLoader(data(10), 4, num_workers=num_workers):
        ledger.backward()
        found.append(ledger.take()[0].samples)
    assert found == [4, 4, 2]


def test_several_batches_of_a_step_add_up(ledger):
    for _ in DataLoader(data(8), 2):
        ledger.backward()
    assert ledger.take() == (Count(8, None, "indices"), False, 4)
    assert ledger.take() == (Count(), False, 0)


def test_an_evaluation_is_left_out_whether_it_ends_or_is_cut_short(ledger):
    for _ in DataLoader(data(10), 5):
        pass
    half = iter(DataLoader(data(10), 5))
    next(half)
    del half
    gc.collect()
    stream = iter(DataLoader(data(6), 3))
    next(stream)
    ledger.backward()
    assert ledger.take() == (Count(3, None, "indices"), True, 1)


def test_an_evaluation_whose_iterator_lives_on_is_left_out_too(ledger):
    """As that of a loader with persistent workers does."""
    kept = iter(DataLoader(data(10), 5))
    assert len(list(kept)) == 2
    stream = iter(DataLoader(data(6), 3))
    next(stream)
    ledger.backward()
    assert ledger.take() == (Count(3, None, "indices"), True, 1)


def test_two_loaders_of_a_step_add_up(ledger):
    for _ in zip(DataLoader(data(4), 2), DataLoader(data(6), 3), strict=True):
        ledger.backward()
    assert ledger.take()[0].samples == 10


class _Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.zeros(7, 2))


def test_data_without_indices_are_counted_by_the_batch(ledger):
    found = []
    for _ in DataLoader(_Stream(), 4):
        ledger.backward()
        found.append(ledger.take()[0])
    assert found == [Count(4, None, "batch"), Count(3, None, "batch")]


def test_without_a_tap_torch_is_as_it_was():
    names = ("_next_index", "__next__")
    kind = torch.utils.data.dataloader._BaseDataLoaderIter
    before = [getattr(kind, name) for name in names]
    tap(Ledger())()
    assert [getattr(kind, name) for name in names] == before
