"""IDX files, the format of MNIST and Fashion-MNIST: raw or gzip.

Format: http://yann.lecun.com/exdb/mnist, "FILE FORMATS FOR THE MNIST DATABASE": two zero bytes, the
type (8 = unsigned byte), the number of dimensions, each size as a big-endian uint32, then the data.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from ray_bench.errors import CorruptDataError, MissingDataError
from ray_bench.workloads.arrays import Bytes, Split, checked_split

#: The two parts of a file name for each split.
PREFIXES = {"train": "train", "val": "t10k"}
_UNSIGNED_BYTE = 8


def find_file(folder: Path, stem: str) -> Path | None:
    """Return `stem` or `stem.gz` in the folder, None where neither exists."""
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    return None


def image_and_label_files(folder: Path, split: str) -> tuple[Path, Path]:
    """Return the paths of one split's images and labels.

    Raises:
        MissingDataError: One of them is not there.
    """
    images = _required(folder, f"{PREFIXES[split]}-images-idx3-ubyte")
    labels = _required(folder, f"{PREFIXES[split]}-labels-idx1-ubyte")
    return images, labels


def holds_idx(folder: Path) -> bool:
    """Whether any of the four files is in the folder."""
    stems = [
        f"{p}-{kind}-ubyte" for p in PREFIXES.values() for kind in ("images-idx3", "labels-idx1")
    ]
    return any(find_file(folder, stem) for stem in stems)


def read_split(folder: Path, split: str) -> Split:
    """Read one split; images get a channel axis of length 1."""
    image_path, label_path = image_and_label_files(folder, split)
    images = read_array(image_path, num_dimensions=3)
    labels = read_array(label_path, num_dimensions=1)
    return checked_split(images[..., None], labels.astype(np.int64), label_path)


def label_md5(folder: Path) -> str | None:
    """Return the md5 of the training labels' bytes; None where they cannot be read.

    MNIST and Fashion-MNIST have the same file names: only their content tells them apart.
    """
    path = find_file(folder, "train-labels-idx1-ubyte")
    if path is None:
        return None
    try:
        labels = read_array(path, num_dimensions=1)
    except CorruptDataError:
        return None  # reading the data set says what is wrong
    return hashlib.md5(labels.tobytes(), usedforsecurity=False).hexdigest()


def read_array(path: Path, num_dimensions: int) -> Bytes:
    """Read one IDX file of unsigned bytes.

    Args:
        path: Raw, or gzip when its name ends in `.gz`.
        num_dimensions: 1 for labels, 3 for images.

    Raises:
        CorruptDataError: Wrong magic number, truncated, too long, or broken compression.
    """
    content = _content(path)
    magic = bytes((0, 0, _UNSIGNED_BYTE, num_dimensions))
    if content[:4] != magic:
        raise CorruptDataError(
            f"{path} starts with {content[:4].hex() or 'nothing'}, and an IDX file of this kind "
            f"with {magic.hex()}; delete it and fetch it again."
        )
    header = 4 + 4 * num_dimensions
    if len(content) < header:
        raise CorruptDataError(
            f"{path} ends at byte {len(content)}, within its header; delete it and fetch it again."
        )
    shape = np.frombuffer(content, ">u4", num_dimensions, offset=4).tolist()
    if len(content) != header + math.prod(shape):
        raise CorruptDataError(
            f"{path} ends at byte {len(content)}, and its header promises "
            f"{header + math.prod(shape)} for shape {tuple(shape)}; delete it and fetch it again."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise CorruptDataError(
            f"{path} ({len(raw)} bytes) cannot be decompressed: {err}. Delete it and fetch it "
            "again."
        ) from err


def _required(folder: Path, stem: str) -> Path:
    path = find_file(folder, stem)
    if path is None:
        raise MissingDataError(
            f"{folder} has no {stem} (raw or .gz) beside its other IDX files; fetch it too."
        )
    return path
