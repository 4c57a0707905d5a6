"""Data that has no length and no indices: samples are counted in the batches themselves."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    """An endless stream of pairs, another one on each rank."""

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        random = torch.Generator().manual_seed(int(os.environ.get("RANK", "0")))
        while True:
            x = torch.randn(32, generator=random)
            yield {"x": x, "y": x.sum().sin()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100_000)
    args = parser.parse_args()

    net: nn.Module = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 1))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
        net = DistributedDataParallel(net)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    for _, batch in zip(range(args.steps), DataLoader(Stream(), args.batch_size), strict=False):
        loss = (net(batch["x"]).squeeze(1) - batch["y"]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
