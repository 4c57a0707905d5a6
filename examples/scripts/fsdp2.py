"""FSDP2: parameters sharded over the ranks with `fully_shard`."""

from __future__ import annotations

import argparse
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()

    kind = "cuda" if torch.cuda.is_available() else "cpu"
    if kind == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    mesh = init_device_mesh(kind, (dist.get_world_size(),))
    layers = [nn.Sequential(nn.Linear(128, 128), nn.GELU()) for _ in range(4)]
    net = nn.Sequential(*layers, nn.Linear(128, 1)).to(kind)
    for layer in net:
        fully_shard(layer, mesh=mesh)
    fully_shard(net, mesh=mesh)
    data = TensorDataset(torch.randn(2048, 128), torch.randn(2048, 1))
    loader = DataLoader(data, args.batch_size, sampler=DistributedSampler(data), drop_last=True)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    for _ in range(args.epochs):
        for x, y in loader:
            loss = nn.functional.mse_loss(net(x.to(kind)), y.to(kind))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
