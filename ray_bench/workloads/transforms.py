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
        cutout: Side of the square that is blanked where images are augmented, pixels; 0: none.
    """

    mean: torch.Tensor
    std: torch.Tensor
    is_augmented: bool
    memory_format: torch.memory_format
    cutout: int = 0

    def __call__(self, images: torch.Tensor, sample_seeds: torch.Tensor) -> torch.Tensor:
        """Prepare a batch.

        Args:
            images: uint8, shape (batch, height, width, channels).
            sample_seeds: int64, shape (batch,); they alone decide the augmentation.

        Returns:
            float32, shape (batch, channels, height, width).
        """
        if not self.is_augmented:
            return self.normalised(images)
        result = self.normalised(random_crop_flip(images, sample_seeds))
        return cut_out(result, sample_seeds, self.cutout) if self.cutout else result

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


def cut_out(images: torch.Tensor, sample_seeds: torch.Tensor, side: int) -> torch.Tensor:
    """Blank a square of each image, in place (DeVries and Taylor 2017, arXiv:1708.04552).

    Its centre is anywhere in the image, so that a part of it may lie outside.

    Args:
        images: normalised floats, shape (batch, channels, height, width); 0 is the mean.
        sample_seeds: int64 >= 0, shape (batch,).
        side: pixels.
    """
    _, _, height, width = images.shape
    rest = sample_seeds // (2 * (2 * _PADDING + 1) ** 2)  # what crop and flip have not used
    top = rest % height - side // 2
    left = rest // height % width - side // 2
    row = torch.arange(height, device=images.device) - top[:, None]
    column = torch.arange(width, device=images.device) - left[:, None]
    in_rows, in_columns = (row >= 0) & (row < side), (column >= 0) & (column < side)
    return images.masked_fill_((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)
