"""What is known of each data set: shape, statistics, and how its content is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A data set by its key.

    Attributes:
        key: Also the name of its folder under `data.dir`.
        title: Name for people.
        shape: Of an image: height, width, channels.
        mean: Of the training pixels in 0..1, shape (channels,).
        std: Same.
        embedded_title: Name of what ships with ray_bench; empty where nothing does.
        torchvision_name: Class in torchvision, also the folder it writes; None where it has none.
        label_md5: Of the official training labels, one byte each; None where not needed.
        standin: The data set that may stand in for it.
    """

    key: str
    title: str
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    embedded_title: str = ""
    torchvision_name: str | None = None
    label_md5: str | None = None
    standin: str | None = None


_ALL = (
    DatasetSpec(
        key="cifar10",
        title="CIFAR-10",
        shape=(32, 32, 3),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        torchvision_name="CIFAR10",
        standin="fashion-mnist",
    ),
    DatasetSpec(
        key="mnist",
        title="MNIST",
        shape=(28, 28, 1),
        mean=(0.1307,),
        std=(0.3081,),
        torchvision_name="MNIST",
        label_md5="e86ee40d66677c011a9abda399ec8c4d",
        standin="fashion-mnist",
    ),
    DatasetSpec(
        key="fashion-mnist",
        title="Fashion-MNIST",
        shape=(28, 28, 1),
        mean=(0.2860,),
        std=(0.3530,),
        embedded_title="Fashion-MNIST subset (8,000 + 2,000)",
        torchvision_name="FashionMNIST",
        label_md5="3236f6424fc25388b2834cb19942cf7e",
    ),
    DatasetSpec(
        key="digits",
        title="digits 8x8",
        shape=(8, 8, 1),
        mean=(0.2867,),
        std=(0.3537,),
        embedded_title="digits 8x8",
    ),
)

SPECS: Mapping[str, DatasetSpec] = {spec.key: spec for spec in _ALL}
#: Mean and standard deviation of Fashion-MNIST after it was padded to 32x32, per channel.
PADDED_FASHION_MEAN = (0.2190,) * 3
PADDED_FASHION_STD = (0.3318,) * 3
