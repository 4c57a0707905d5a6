"""A torchrun script with gradient accumulation; it knows nothing of ray_bench.

ray-bench run 'world_sizes=[1,2]' batch_size=64 lr=0.05 steps=200 \
    -- examples/scripts/accumulation.py --batch-size {local_batch_size} --lr {lr}
"""

from __future__ import annotations

import argparse
import contextlib
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=32, help="a rank's, of one update")
    parser.add_argument("--accumulate", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    inputs = torch.randn(4096, args.width)
    data = TensorDataset(inputs, inputs.sum(1, keepdim=True).sin())
    net = nn.Sequential(nn.Linear(args.width, args.width), nn.ReLU(), nn.Linear(args.width, 1))
    net.to(device)
    sampler = None
    if dist.is_initialized():
        net = DistributedDataParallel(net)
        sampler = DistributedSampler(data)
    loader = DataLoader(data, args.batch_size // args.accumulate, sampler=sampler, drop_last=True)
    optimizer = torch.optim.SGD(net.parameters(), args.lr, momentum=0.9)

    print(f"{len(data)} samples on {device}, {len(loader)} micro-batches an epoch", flush=True)
    for epoch in range(args.epochs):
        if sampler is not None:
            sampler.set_epoch(epoch)
        for index, (x, y) in enumerate(loader, start=1):
            is_last = index % args.accumulate == 0
            alone = dist.is_initialized() and not is_last
            with net.no_sync() if alone else contextlib.nullcontext():
                loss = nn.functional.mse_loss(net(x.to(device)), y.to(device))
                (loss / args.accumulate).backward()
            if is_last:
                optimizer.step()
                optimizer.zero_grad()
        if epoch % 10 == 0 and int(os.environ.get("RANK", "0")) == 0:
            print(f"epoch {epoch}: loss {loss.item():.4f}", flush=True)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
