"""One model, its data and its optimizer, for `benchmarks.agreement`: as a workload of ray_bench."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from ray_bench.config.groups import DdpConfig
from ray_bench.stats.buckets import DEFAULT_CAP_MB
from ray_bench.train.model import ddp_arguments
from ray_bench.workloads.base import BuildContext

FEATURES, CLASSES, WIDTH, LAYERS, SAMPLES = 128, 10, 512, 6, 16_384

#: As the workload's runs have them.
DDP = ddp_arguments(DdpConfig(), DEFAULT_CAP_MB)


def module() -> nn.Module:
    """Return an MLP for inputs of shape (batch, FEATURES)."""
    widths = [FEATURES, *[WIDTH] * LAYERS]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, CLASSES))


def batches(batch_size: int, *, rank: int, world_size: int, seed: int) -> DataLoader[Any]:
    """Return this rank's batches of `batch_size` samples."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(SAMPLES, FEATURES, generator=generator)
    targets = torch.randint(CLASSES, (SAMPLES,), generator=generator)
    data = TensorDataset(inputs, targets)
    sampler = DistributedSampler(data, world_size, rank, seed=seed)
    return DataLoader(data, batch_size, sampler=sampler, drop_last=True)


def optimizer(net: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Return SGD with momentum."""
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)


class Same:
    """The workload."""

    def build(self, context: BuildContext) -> tuple[nn.Module, DataLoader[Any], Callable[..., Any]]:
        """Return module, this rank's batches and loss."""
        found = batches(
            context.local_batch_size,
            rank=context.rank,
            world_size=context.world_size,
            seed=context.seed,
        )
        return module(), found, nn.functional.cross_entropy

    def optimizer(self, net: nn.Module, lr: float) -> torch.optim.Optimizer:
        """Return the optimizer of both arms."""
        return optimizer(net, lr)
