"""The built-in networks. Each function returns a fresh module with 10 outputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def resnet_cifar(depth: int) -> nn.Module:
    """Return torchvision's ResNet with the stem for 32x32 images.

    The first convolution is 3x3 with stride 1 and there is no max-pooling, as in section 4.2 of
    He et al. 2015 (arXiv:1512.03385); the rest is the ImageNet network.

    Args:
        depth: 18 or 50.
    """
    from torchvision.models import resnet18, resnet50

    model: nn.Module = {18: resnet18, 50: resnet50}[depth](num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()
    return model


def small_cnn(image_size: int) -> nn.Module:
    """Return two 5x5 convolutions and two linear layers for grey images.

    Neither batch normalisation nor dropout: the result of a step does not depend on how a batch
    is shared among ranks.

    Args:
        image_size: Height and width in pixels, a multiple of 4.
    """
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (image_size // 4) ** 2, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def mlp(image_size: int) -> nn.Module:
    """Return a multilayer perceptron with two hidden layers for grey images."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(image_size**2, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return the module with weights that depend on the seed alone; global generators are kept."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed: it would seed the GPUs too, and weights are drawn on the CPU.
        torch.default_generator.manual_seed(seed)
        return make()
