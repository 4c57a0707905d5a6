"""The arm of `benchmarks.naive` that trains as the usual tutorial does; only the turns are ours."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.player import Stopped
from benchmarks.step_turns import StepTurns
from ray_bench.config.schema import SweepConfig
from ray_bench.workloads import catalog, datasets
from ray_bench.workloads.arrays import ImageSet, Split

WARMUP_STEPS = 2


class Images(Dataset[Any]):
    """Like torchvision's MNIST and CIFAR10: an array in memory, an image at a time through PIL."""

    def __init__(self, split: Split, transform: transforms.Compose) -> None:
        self.data = split.images
        self.targets = split.labels.tolist()
        self.transform = transform

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(np.squeeze(self.data[index]))
        return self.transform(image), self.targets[index]

    def __len__(self) -> int:
        return len(self.data)


def loaders(images: ImageSet, batch_size: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Return the loaders for training and test."""
    plain = [transforms.ToTensor(), transforms.Normalize(images.mean, images.std)]
    is_colour = len(images.mean) == 3
    augment = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    train_transform = transforms.Compose([*(augment if is_colour else []), *plain])
    train = Images(images.train, train_transform)
    test = Images(images.val, transforms.Compose(plain))
    return (
        DataLoader(train, batch_size=batch_size, shuffle=True, num_workers=0),
        DataLoader(test, batch_size=1000, shuffle=False, num_workers=0),
    )


def accuracy(model: nn.Module, loader: DataLoader[Any]) -> float:
    """Return the share of right answers."""
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, targets in loader:
            correct += (model(inputs).argmax(1) == targets).sum().item()
            total += targets.size(0)
    return correct / total


def main() -> None:
    """Train until there are no more turns, or all epochs."""
    job = json.loads(Path(sys.argv[1]).read_text())
    data = SweepConfig.model_validate_json(job["config"]).data
    turns = StepTurns({**job, "warmup_steps": WARMUP_STEPS}, 0, {})
    torch.manual_seed(job["seed"])
    workload: Any = catalog.load(job["workload"])
    images = datasets.load(datasets.locate(catalog.BUILTIN[workload.name].dataset or "", data))
    train_loader, test_loader = loaders(images, job["batch_size"])
    model = workload.make_module()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(
        model.parameters(),
        lr=job["lr"],
        momentum=job["momentum"],
        weight_decay=job["weight_decay"],
    )

    begin_s = time.perf_counter()
    for _ in range(job["epochs"] or sys.maxsize):
        model.train()
        running_loss, correct, total = 0.0, 0, 0
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            correct += (outputs.argmax(1) == targets).sum().item()
            total += targets.size(0)
            turns.step_done()
        print(f"loss {running_loss / len(train_loader):.4f} accuracy {correct / total:.4f}")
    train_s = time.perf_counter() - begin_s
    turns.answer({"val_accuracy_frac": accuracy(model, test_loader), "train_s": train_s})


if __name__ == "__main__":
    with contextlib.suppress(Stopped):
        main()
