"""A Ray Train function, unchanged: ray_bench calls it in its workers.

cd examples/scripts
ray-bench run train_fn=ray_train_function:train_loop_per_worker 'world_sizes=[1,2]' \
    batch_size=32 scaling=weak lr=0.01 steps=100 \
    train_fn_config.batch_size={local_batch_size} train_fn_config.lr={lr}
"""

from __future__ import annotations

from typing import Any

import torch
from ray import train
from ray.train.torch import prepare_data_loader, prepare_model
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def train_loop_per_worker(config: dict[str, Any]) -> None:
    """Train with `batch_size` samples a worker and step, at the rate `lr`."""
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(1024, 32), torch.randn(1024, 1))
    loader = prepare_data_loader(
        DataLoader(data, config["batch_size"], shuffle=True, drop_last=True)
    )
    net = prepare_model(nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1)))
    optimizer = torch.optim.SGD(net.parameters(), config["lr"])
    for epoch in range(config.get("epochs", 100)):
        if train.get_context().get_world_size() > 1:
            loader.sampler.set_epoch(epoch)
        for x, y in loader:
            loss = nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 20 == 0:
            train.report({"train_loss": loss.item(), "epoch": epoch})
