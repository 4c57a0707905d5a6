"""Models and batches as people have them, small: the workloads of the field."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset
from torch.utils.data.distributed import DistributedSampler

from ray_bench.workloads.base import ShardedBatches


class Rows(Dataset):
    """Token sequences with a label each, as a collator makes dicts of them."""

    def __len__(self):
        return 64

    def __getitem__(self, i):
        generator = torch.Generator().manual_seed(i)
        ids = torch.randint(100, (12,), generator=generator)
        mask = (torch.arange(12) < 4 + i % 8).long()
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(i % 4)}


class ReturnsLoss(nn.Module):
    """As transformers do: the labels go in, the loss comes out."""

    def __init__(self, sparse=False):
        super().__init__()
        self.table = nn.Embedding(100, 16, sparse=sparse)
        self.head = nn.Linear(16, 4)

    def forward(self, input_ids, attention_mask=None, labels=None):
        logits = self.head(self.table(input_ids).mean(1))
        return {"loss": cross_entropy(logits, labels), "logits": logits}


def loader(context, **options):
    data = Rows()
    sampler = DistributedSampler(data, context.world_size, context.rank)
    return DataLoader(data, context.local_batch_size, sampler=sampler, **options)


class Dicts:
    """Dict batches; what `build` returns beside module and batches is given."""

    def __init__(self, *loss, sparse=False):
        self.loss = loss
        self.sparse = sparse

    def build(self, context):
        return ReturnsLoss(self.sparse), loader(context), *self.loss


class TokenBudget:
    """512 tokens a batch: many short samples or few long ones; every rank draws apart."""

    def __init__(self, context):
        self.rank, self.epoch = context.rank, 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return 12

    def __iter__(self):
        generator = torch.Generator().manual_seed(1000 * self.epoch + self.rank)
        for _ in range(len(self)):
            length = int(2 ** torch.randint(3, 8, (1,), generator=generator))
            count = 512 // length
            x = torch.randn(count, length, 8, generator=generator)
            yield x, torch.randint(10, (count,), generator=generator)


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(x.mean(1))


class Tokens:
    def build(self, context):
        return Pooled(), TokenBudget(context), cross_entropy

    def num_tokens(self, batch):
        return batch[0].shape[0] * batch[0].shape[1]


class Stream(IterableDataset):
    def __iter__(self):
        return ((torch.full((8,), float(i % 7)), i % 10) for i in range(40))


class NoLength:
    def build(self, context):
        batches = DataLoader(Stream(), context.local_batch_size)
        return nn.Linear(8, 10), batches, cross_entropy


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Bilinear(8, 8, 10)

    def forward(self, left, right):
        return self.head(left, right)


class Several:
    def build(self, context):
        batches = [(torch.randn(6, 8), torch.randn(6, 8), torch.arange(6)) for _ in range(4)]
        return TwoInputs(), batches, cross_entropy


class Auxiliary(nn.Module):
    """A head that is computed and left out of the loss, as a pooler is in token tasks."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 10)
        self.pooler = nn.Linear(16, 4)

    def forward(self, inputs):
        hidden = torch.relu(self.body(inputs))
        return self.head(hidden), self.pooler(hidden)


class Aux:
    def build(self, context):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(96, 8, generator=generator)
        y = torch.randint(10, (96,), generator=generator)
        batches = ShardedBatches(x, y, context)
        return Auxiliary(), batches, lambda outputs, targets: cross_entropy(outputs[0], targets)


class SharedNorm:
    """SyncBatchNorm, wherever the ranks are."""

    def build(self, context):
        norm = nn.SyncBatchNorm.convert_sync_batchnorm(nn.BatchNorm1d(8))
        batches = [(torch.randn(4, 8), torch.zeros(4, dtype=torch.int64))]
        return nn.Sequential(norm, nn.Linear(8, 10)), batches, cross_entropy


class InABatchSampler:
    """The sampler that shuffles is in a batch sampler, in a loader, in a wrapper of one's own."""

    def __init__(self, wrap):
        self.wrap = wrap

    def build(self, context):
        data = Rows()
        sampler = DistributedSampler(data, context.world_size, context.rank)
        batch_sampler = BatchSampler(sampler, context.local_batch_size, drop_last=False)
        return ReturnsLoss(), self.wrap(DataLoader(data, batch_sampler=batch_sampler))


class Prefetched:
    """Hands a loader's batches on."""

    def __init__(self, batches):
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __iter__(self):
        yield from self._batches


class Deaf(Prefetched):
    """Takes the epoch and does nothing with it."""

    def set_epoch(self, epoch):
        del epoch
