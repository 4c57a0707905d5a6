"""Plain PyTorch on the same device: the tutorial's loop, and the same fast loop without ours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from benchmarks.gpu.lab import Arm, Lab
from benchmarks.naive_tutorial import loaders
from ray_bench.train.loop import Loop
from ray_bench.train.shares import endless, whole
from ray_bench.workloads import catalog, datasets


def naive_arm(lab: Lab, workload: str) -> Arm:
    """Return the usual tutorial: eager fp32, DataLoader with per-image transforms, `.item()`."""
    config = lab.config(workload)
    found: Any = catalog.load(workload)
    place = datasets.locate(catalog.BUILTIN[workload].dataset or "", config.data)
    loader, _ = loaders(datasets.load(place), lab.sizes.batch)
    model = found.make_module().to(lab.device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config.lr,
        momentum=config.optimizer.momentum or 0.0,
        weight_decay=config.optimizer.weight_decay or 0.0,
    )
    batches = _whole_batches(loader, lab.sizes.batch)

    def arm(num_steps: int) -> None:
        for inputs, targets in itertools.islice(batches, num_steps):
            inputs, targets = inputs.to(lab.device), targets.to(lab.device)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            loss.item()
            (outputs.argmax(1) == targets).sum().item()

    return arm


def _whole_batches(loader: Any, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    while True:
        yield from ((x, y) for x, y in loader if len(y) == size)


def bare_arm(lab: Lab, loop: Loop) -> Arm:
    """Return a bare loop with what ours uses: data on the device, bf16, layout, fused SGD."""
    stream = whole(endless(loop.batches, loop.group))
    model, criterion = loop.module, nn.functional.cross_entropy
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=loop.point.lr,
        momentum=loop.config.optimizer.momentum or 0.0,
        weight_decay=loop.config.optimizer.weight_decay or 0.0,
        fused=True,
    )

    def arm(num_steps: int) -> None:
        for share in itertools.islice(stream, num_steps):
            with torch.autocast(lab.device.type, dtype=torch.bfloat16):
                outputs = model(share.batch[0])
            criterion(outputs.float(), share.batch[1]).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return arm


def ceiling_arm(lab: Lab, workload: str) -> Arm:
    """Return steps on one batch of random images: no data, no bookkeeping, a large batch."""
    from ray_bench.workloads.specs import SPECS

    found: Any = catalog.load(workload)
    height, width, channels = SPECS[catalog.BUILTIN[workload].dataset or ""].shape
    shape = (lab.sizes.ceiling_batch, channels, height, width)
    layout = torch.channels_last
    model = found.make_module().to(lab.device).to(memory_format=layout)
    images = torch.randn(shape, device=lab.device).contiguous(memory_format=layout)
    targets = torch.randint(10, (shape[0],), device=lab.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    if lab.sizes.compile != "none":
        model.compile(dynamic=False)

    def arm(num_steps: int) -> None:
        for _ in range(num_steps):
            with torch.autocast(lab.device.type, dtype=torch.bfloat16):
                outputs = model(images)
            nn.functional.cross_entropy(outputs.float(), targets).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return arm
