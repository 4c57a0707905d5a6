"""The one class behind all built-in workloads: image classification with cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import final

import torch
from torch.nn import functional

from ray_bench.config.groups import DataConfig, WorkloadDefaults
from ray_bench.workloads.arrays import ImageSet
from ray_bench.workloads.base import BuildContext, Evaluation, LossFn, ShardedBatches, eval_shard
from ray_bench.workloads.catalog import BUILTIN
from ray_bench.workloads.datasets import load, locate
from ray_bench.workloads.models import mlp, resnet_cifar, seeded, small_cnn
from ray_bench.workloads.transforms import Preparation

_EVAL_BATCH = 512


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageClassification:
    """A network, a data set and how they meet.

    Attributes:
        name: In the catalogue.
        make_module: Returns the network with fresh weights.
        is_augmented: Random crops and flips while training.
    """

    name: str
    make_module: Callable[[], torch.nn.Module]
    is_augmented: bool = False
    takes_label_smoothing: bool = True

    @property
    def defaults(self) -> WorkloadDefaults:
        """What it trains with where the configuration is silent."""
        return BUILTIN[self.name].defaults

    def build(self, context: BuildContext) -> tuple[torch.nn.Module, ShardedBatches, LossFn]:
        """Return the network on the rank's device, its batches and cross-entropy.

        The data are held on the device as bytes; a batch becomes floats when it is taken.
        """
        images = _images(BUILTIN[self.name].dataset, context.data)
        module = seeded(self.make_module, context.seed)
        batches = ShardedBatches(
            torch.from_numpy(images.train.images).to(context.device),
            torch.from_numpy(images.train.labels).to(context.device),
            context,
            transform=self._preparation(images, context),
            dataset=images.name,
            is_standin=images.is_standin,
        )
        module = module.to(context.device).to(memory_format=context.memory_format)
        loss = partial(functional.cross_entropy, label_smoothing=context.label_smoothing)
        return module, batches, loss if context.label_smoothing else functional.cross_entropy

    def evaluate(self, module: torch.nn.Module, context: BuildContext) -> Evaluation:
        """Count this rank's share of the validation set; the module's mode is restored."""
        images = _images(BUILTIN[self.name].dataset, context.data)
        share = eval_shard(len(images.val.labels), context)
        pixels = torch.from_numpy(images.val.images[share])
        labels = torch.from_numpy(images.val.labels[share])
        was_training = module.training
        module.eval()
        try:
            prepare = self._preparation(images, context)
            return _counted(module, pixels, labels, prepare, context.evaluated)
        finally:
            module.train(was_training)

    def _preparation(self, images: ImageSet, context: BuildContext) -> Preparation:
        return Preparation(
            mean=torch.tensor(images.mean, device=context.device) * 255,
            std=torch.tensor(images.std, device=context.device) * 255,
            is_augmented=self.is_augmented,
            memory_format=context.memory_format,
            cutout=context.data.cutout,
        )


@lru_cache(maxsize=4)
def _images(dataset: str, data: DataConfig) -> ImageSet:
    return load(locate(dataset, data))


@torch.inference_mode()
def _counted(
    module: torch.nn.Module,
    pixels: torch.Tensor,
    labels: torch.Tensor,
    prepare: Preparation,
    evaluated: Callable[[int, int], None],
) -> Evaluation:
    """Evaluate images of shape (num_samples, height, width, channels) in batches."""
    device = prepare.mean.device
    num_correct = torch.zeros((), dtype=torch.int64, device=device)
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    num_done = 0
    # Summed on the device: reading a number back after every batch would stall a GPU.
    for batch, targets in zip(
        torch.split(pixels, _EVAL_BATCH), torch.split(labels, _EVAL_BATCH), strict=True
    ):
        if len(batch) == 0:
            continue  # a share can be empty, and `split` gives one empty batch then
        outputs = module(prepare.normalised(batch.to(device))).float()
        targets = targets.to(device)
        num_correct += (outputs.argmax(1) == targets).sum()
        loss_sum += functional.cross_entropy(outputs, targets, reduction="sum")
        num_done += len(batch)
        evaluated(num_done, len(labels))
    return Evaluation(
        num_samples=len(labels), num_correct=int(num_correct), loss_sum=float(loss_sum)
    )


resnet50_cifar10 = ImageClassification(
    name="resnet50-cifar10", make_module=partial(resnet_cifar, 50), is_augmented=True
)
resnet18_cifar10 = ImageClassification(
    name="resnet18-cifar10", make_module=partial(resnet_cifar, 18), is_augmented=True
)
cnn_mnist = ImageClassification(name="cnn-mnist", make_module=partial(small_cnn, 28))
mlp_mnist = ImageClassification(name="mlp-mnist", make_module=partial(mlp, 28))
cnn_fashion_mnist = ImageClassification(
    name="cnn-fashion-mnist", make_module=partial(small_cnn, 28)
)
cnn_digits = ImageClassification(name="cnn-digits", make_module=partial(small_cnn, 8))
