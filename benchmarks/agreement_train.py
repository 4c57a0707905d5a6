"""The model of `benchmarks.agreement_model` in a plain script that torchrun could run."""

import argparse
import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from benchmarks import agreement_model as same


def main() -> None:
    """Train for ever; loss and accuracy are added up, as most scripts do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.manual_seed(options.seed)
    net = same.module()
    if world_size > 1:
        dist.init_process_group("gloo")
        net = DistributedDataParallel(net, **same.DDP)
    optimizer = same.optimizer(net, options.lr)
    loader = same.batches(options.batch_size, rank=rank, world_size=world_size, seed=options.seed)
    for epoch in range(10**6):
        loader.sampler.set_epoch(epoch)
        total, correct = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for inputs, targets in loader:
            outputs = net(inputs)
            loss = torch.nn.functional.cross_entropy(outputs, targets)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach()
            correct += (outputs.argmax(1) == targets).sum()


if __name__ == "__main__":
    main()
