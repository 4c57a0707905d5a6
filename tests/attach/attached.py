"""A session of this process, and loops for it."""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader, TensorDataset

from ray_bench.attach import api
from ray_bench.attach.hooks import listening
from ray_bench.attach.ranks import Rank
from ray_bench.attach.session import Session, Wanted
from ray_bench.config.groups import MeasureConfig
from ray_bench.measure.journal import lines_of

WARMUP = 3


class Attached:
    """A session of one process, whose blocks are one step each."""

    def __init__(self, folder, steps=None, phase_steps=0, block_s=1e-9):
        measure = MeasureConfig(warmup_steps=WARMUP, warmup_s=0, block_s=block_s)
        wanted = Wanted(num_steps=steps, measure=measure, phase_steps=phase_steps)
        self.session = Session(wanted, Rank(0, 1, 0), folder)

    def __enter__(self):
        api.listen(self.session)
        self._listening = listening(self.session)
        self._listening.__enter__()
        return self

    def __exit__(self, *error):
        self._listening.__exit__(*error)
        api.listen(None)
        self.session.close("test")

    def lines(self, kind):
        path = self.session.folder / "rank-0.jsonl"
        return [line for line in lines_of(path) if line["kind"] == kind]

    @property
    def samples(self):
        """Of every step but the first of each stretch, which is not timed."""
        return [line["num_samples"] for line in self.lines("block")]


def loader(num=64, batch=4):
    return DataLoader(TensorDataset(torch.randn(num, 3), torch.randn(num, 1)), batch)


def loss_of(net, batch):
    inputs, targets = batch
    return ((net(inputs) - targets) ** 2).mean()


def train(net, optimizer, batches, *, accumulate=1):
    for index, batch in enumerate(batches):
        (loss_of(net, batch) / accumulate).backward()
        if (index + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
