"""CIFAR-10 in torchvision's layout: `cifar-10-batches-py`, five training batches and a test batch.

The batches are pickles. Their checksum is compared with the official one, and they are read by an
unpickler that can rebuild arrays and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ray_bench.errors import CorruptDataError, MissingDataError
from ray_bench.workloads.arrays import Split, checked_split

#: Official md5 of the files of cifar-10-python.tar.gz.
OFFICIAL_MD5: Mapping[str, str] = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
_FILES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "val": ["test_batch"]}
_RECONSTRUCT = np.empty(0).__reduce__()[0]
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def holds_batches(folder: Path) -> bool:
    """Whether any of the six batches is in the folder."""
    return any((folder / name).is_file() for name in OFFICIAL_MD5)


def read_split(folder: Path, split: str, checksums: Mapping[str, str] = OFFICIAL_MD5) -> Split:
    """Read one split from the batches.

    Args:
        folder: `cifar-10-batches-py`.
        split: `train` or `val`.
        checksums: md5 by file name.

    Raises:
        MissingDataError: A batch is not there.
        CorruptDataError: A batch has another checksum, or is not a batch.
    """
    parts = [_read_batch(folder / name, checksums[name]) for name in _FILES[split]]
    images = np.concatenate([part.images for part in parts])
    return Split(images, np.concatenate([part.labels for part in parts]))


def _read_batch(path: Path, md5: str) -> Split:
    content = _checked_content(path, md5)
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        pixels = np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(batch[b"labels"], dtype=np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as err:
        raise CorruptDataError(
            f"{path} is not a CIFAR-10 batch: {err}. Delete it and fetch it again."
        ) from err
    return checked_split(np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels, path)


def _checked_content(path: Path, md5: str) -> bytes:
    if not path.is_file():
        raise MissingDataError(
            f"{path} is missing beside the other CIFAR-10 batches; fetch it too."
        )
    content = path.read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != md5:
        raise CorruptDataError(
            f"{path} ({len(content)} bytes) has md5 {digest}, and the official one is {md5}; "
            "delete it and fetch it again."
        )
    return content


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds arrays, bytes, lists and dicts; any other name in the pickle is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return _ALLOWED[module, name]
