"""Images and labels in memory, and the checks that every reader shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ray_bench.errors import CorruptDataError

NUM_CLASSES = 10
Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One part of a data set.

    Attributes:
        images: uint8, shape (num_samples, height, width, channels).
        labels: int64, shape (num_samples,), 0 to 9.
    """

    images: Bytes
    labels: Labels


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ImageSet:
    """A data set in memory, under the name that goes into the records.

    Attributes:
        train: What is trained on.
        val: What is evaluated on.
        name: Name for people; says when the data are a subset, JPEG or a stand-in.
        is_standin: The data are not those that were asked for.
        mean: Of the pixels in 0..1, shape (channels,).
        std: Same.
    """

    train: Split
    val: Split
    name: str
    is_standin: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]


def checked_split(images: Bytes, labels: Labels, origin: Path) -> Split:
    """Return the split after its counts and labels were checked.

    Args:
        images: uint8, shape (num_samples, height, width, channels).
        labels: integers, shape (num_samples,).
        origin: File of the labels, for the message.

    Raises:
        CorruptDataError: The counts differ, the split is empty or a label is not in 0 to 9.
    """
    if len(images) != len(labels):
        raise CorruptDataError(
            f"{origin} has {len(labels)} labels for {len(images)} images; delete both files and "
            "fetch them again."
        )
    if len(images) == 0:
        raise CorruptDataError(f"{origin} holds no samples; delete it and fetch it again.")
    wrong = np.flatnonzero((labels < 0) | (labels >= NUM_CLASSES))
    if len(wrong):
        raise CorruptDataError(
            f"{origin} has label {labels[wrong[0]]} at sample {wrong[0]}, and labels are 0 to "
            f"{NUM_CLASSES - 1}; delete it and fetch it again."
        )
    return Split(images, labels.astype(np.int64))
