"""A GAN with two optimizers: a step is a cycle of both, and has one batch of the loader."""

from __future__ import annotations

import argparse
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

NOISE = 16


def perceptron(inputs: int, outputs: int) -> nn.Module:
    net: nn.Module = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, outputs))
    # The discriminator is used twice in a step: its buffers must stay as they are between.
    return DistributedDataParallel(net) if dist.is_initialized() else net


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("gloo")
    data = TensorDataset(torch.randn(2048, 8) * 0.5 + 1.0)
    sampler = DistributedSampler(data) if dist.is_initialized() else None
    loader = DataLoader(data, args.batch_size, sampler=sampler, drop_last=True)
    generator, discriminator = perceptron(NOISE, 8), perceptron(8, 1)
    of_generator = torch.optim.Adam(generator.parameters(), 1e-3)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), 1e-3)
    loss_of = nn.functional.binary_cross_entropy_with_logits

    for _ in range(args.epochs):
        for (real,) in loader:
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            made = generator(torch.randn(len(real), NOISE))
            judged = discriminator(torch.cat([real, made.detach()]))
            of_discriminator.zero_grad()
            loss_of(judged, torch.cat([ones, zeros])).backward()
            of_discriminator.step()

            of_generator.zero_grad()
            loss_of(discriminator(made), ones).backward()
            of_generator.step()
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
