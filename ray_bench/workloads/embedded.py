"""The data sets that ship with ray_bench; `data/README.md` says where they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ray_bench.workloads.arrays import Bytes, Split, checked_split

_FOLDER = Path(__file__).parent / "data"
_FILES = {"digits": "digits.npz", "fashion-mnist": "fashion-mnist-subset.npz"}
#: Digits have values 0 to 16; times 15 they use the range of a byte.
_SCALES = {"digits": 15, "fashion-mnist": 1}


def is_embedded(dataset: str) -> bool:
    """Whether the data set, or a subset of it, ships with ray_bench."""
    return dataset in _FILES


def read_split(dataset: str, split: str) -> Split:
    """Read one split of an embedded data set."""
    path = _FOLDER / _FILES[dataset]
    with np.load(path, allow_pickle=False) as arrays:
        images: Bytes = arrays[f"{split}_images"] * np.uint8(_SCALES[dataset])
        labels = arrays[f"{split}_labels"].astype(np.int64)
    return checked_split(images[..., None], labels, path)
