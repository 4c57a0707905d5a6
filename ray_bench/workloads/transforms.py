"""From stored bytes to network input, a whole batch at a time on the data's own device."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_PADDING = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Preparation:
    """Turns uint8 images into normalised floats, augmented when asked.

    Attributes:
        mean: Of the pixels in 0..255, shape (channels,), on the device of the images.
        std: Same.
        is_augmented: Random crop after padding by 4 pixels, and horizontal flip.
        memory_format: Of the result.
    """

    mean: torch.Tensor
    std: torch.Tensor
    is_augmented: bool
    memory_format: torch.memory_format

    def __call__(self, images: torch.Tensor, sample_seeds: torch.Tensor) -> torch.Tensor:
        """Prepare a batch.

        Args:
            images: uint8, shape (batch, height, width, channels).
            sample_seeds: int64, shape (batch,); they alone decide the augmentation.

        Returns:
            float32, shape (batch, channels, height, width).
        """
        if self.is_augmented:
            images = random_crop_flip(images, sample_seeds)
        return self.normalised(images)

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Prepare a batch without augmentation; shapes as in `__call__`."""
        floats = images.float().sub_(self.mean).div_(self.std)
        return floats.permute(0, 3, 1, 2).contiguous(memory_format=self.memory_format)


def random_crop_flip(images: torch.Tensor, sample_seeds: torch.Tensor) -> torch.Tensor:
    """Shift each image by up to 4 pixels over black and flip half of them, as for CIFAR-10.

    Args:
        images: uint8, shape (batch, height, width, channels).
        sample_seeds: int64 >= 0, shape (batch,).

    Returns:
        uint8, same shape.
    """
    batch, height, width, channels = images.shape
    num_shifts = 2 * _PADDING + 1
    down = sample_seeds % num_shifts
    right = sample_seeds // num_shifts % num_shifts
    is_flipped = (sample_seeds // num_shifts**2 % 2).bool()

    column = torch.arange(width, device=images.device)
    columns = torch.where(is_flipped[:, None], column.flip(0), column) + right[:, None]
    rows = torch.arange(height, device=images.device) + down[:, None]
    padded_height, padded_width = height + 2 * _PADDING, width + 2 * _PADDING
    first = torch.arange(batch, device=images.device) * (padded_height * padded_width)
    pixels = first[:, None, None] + rows[:, :, None] * padded_width + columns[:, None, :]

    padding = (0, 0, _PADDING, _PADDING, _PADDING, _PADDING)
    padded = torch.nn.functional.pad(images, padding).reshape(-1, channels)
    return padded[pixels.reshape(-1)].reshape(images.shape)
