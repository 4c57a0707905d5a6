"""Images in Parquet as on data hubs: `img` or `image` (struct<bytes, path>) and `label`.

Decoding takes seconds for a whole data set, so the decoded arrays are kept (`decode_cache`).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ray_bench.errors import CorruptDataError, MissingDataError
from ray_bench.workloads.arrays import Bytes, Split, checked_split
from ray_bench.workloads.decode_cache import cached

_NAMES = {"train": "train", "val": "test"}
_IMAGE_COLUMNS = ("img", "image")
_JPEG_MAGIC = b"\xff\xd8"


def holds_parquet(folder: Path) -> bool:
    """Whether the folder has Parquet files of both splits."""
    return all(any(folder.glob(f"{name}*.parquet")) for name in _NAMES.values())


def first_size(folder: Path) -> tuple[int, int]:
    """Return height and width of the first training image."""
    path = split_files(folder, "train")[0]
    width, height = _open_image(_first_bytes(path), path, 0).size
    return height, width


def is_jpeg(folder: Path) -> bool:
    """Whether the first training image is a JPEG: its pixels are not those of the original."""
    return _first_bytes(split_files(folder, "train")[0]).startswith(_JPEG_MAGIC)


def split_files(folder: Path, split: str) -> list[Path]:
    """Return the split's files in order.

    Raises:
        MissingDataError: One of `-of-00003` files is not there.
    """
    name = _NAMES[split]
    paths = sorted([*folder.glob(f"{name}-*.parquet"), *folder.glob(f"{name}.parquet")])
    if not paths:
        raise MissingDataError(f"{folder} has no {name}-*.parquet; fetch it.")
    count = re.search(r"-of-(\d+)\.parquet$", paths[0].name)
    if count and int(count[1]) != len(paths):
        raise MissingDataError(
            f"{folder} has {len(paths)} of {int(count[1])} {name}-*.parquet files; fetch the rest."
        )
    return paths


def read_split(folder: Path, split: str, shape: tuple[int, int, int], cache_dir: Path) -> Split:
    """Read one split, from the cache of decoded images when these files were decoded before.

    Args:
        folder: Where the Parquet files are.
        split: `train` or `val`.
        shape: Of an image: height, width, channels.
        cache_dir: Where decoded images are kept.

    Raises:
        CorruptDataError: A file is not Parquet, lacks a column, or an image cannot be decoded.
    """
    paths = split_files(folder, split)
    digest = hashlib.sha256(repr(shape).encode())
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    key = f"{split}-{digest.hexdigest()[:24]}"
    return cached(cache_dir / "decoded", key, lambda: _decode(paths, shape))


def _decode(paths: list[Path], shape: tuple[int, int, int]) -> Split:
    parts = [_decode_file(path, shape) for path in paths]
    return Split(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def _decode_file(path: Path, shape: tuple[int, int, int]) -> Split:
    images, labels = [], []
    for row, (content, label) in enumerate(_rows(path)):
        images.append(_pixels(content, path, row, shape))
        if label is None:
            raise CorruptDataError(
                f"{path} has no label in row {row}; delete it and fetch it again."
            )
        labels.append(label)
    stacked = np.stack(images) if images else np.empty((0, *shape), np.uint8)
    return checked_split(stacked, np.asarray(labels, np.int64), path)


def _pixels(content: bytes | None, path: Path, row: int, shape: tuple[int, int, int]) -> Bytes:
    """Decode one image; uint8, shape (height, width, channels)."""
    image = _open_image(content, path, row)
    height, width, channels = shape
    if image.size != (width, height):
        raise CorruptDataError(
            f"{path} has an image of {image.size[1]}x{image.size[0]} in row {row}, and "
            f"{height}x{width} was expected; give the folder of the right data set as `data.dir`."
        )
    try:
        pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as err:
        raise _undecodable(path, row, err) from err
    return pixels.reshape(shape)


def _open_image(content: bytes | None, path: Path, row: int) -> Any:
    """Read an image's header."""
    from PIL import Image

    if not content:
        raise CorruptDataError(f"{path} has no image in row {row}; delete it and fetch it again.")
    try:
        return Image.open(io.BytesIO(content))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as err:
        raise _undecodable(path, row, err) from err


def _undecodable(path: Path, row: int, err: BaseException) -> CorruptDataError:
    return CorruptDataError(
        f"{path} has an image in row {row} that cannot be decoded: {err}. Delete the file and "
        "fetch it again."
    )


def _first_bytes(path: Path) -> bytes:
    for content, _ in _rows(path, batch_size=1):
        return content or b""
    raise CorruptDataError(f"{path} has no rows; delete it and fetch it again.")


def _rows(path: Path, batch_size: int = 1000) -> Iterator[tuple[bytes | None, int | None]]:
    """Yield encoded image and label of every row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            column = _image_column(path, file.schema_arrow)
            for batch in file.iter_batches(batch_size, columns=[column, "label"]):
                contents = batch.column(column).field("bytes").to_pylist()
                yield from zip(contents, batch.column("label").to_pylist(), strict=True)
    except (pa.ArrowException, OSError) as err:
        raise CorruptDataError(
            f"{path} ({path.stat().st_size} bytes) cannot be read as Parquet: "
            f"{str(err).rstrip('.')}. Delete it and fetch it again."
        ) from err


def _image_column(path: Path, schema: Any) -> str:
    import pyarrow as pa

    for name in _IMAGE_COLUMNS:
        if name in schema.names and "label" in schema.names:
            kind = schema.field(name).type
            is_int = pa.types.is_integer(schema.field("label").type)
            if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and is_int:
                return name
    raise CorruptDataError(
        f"{path} has columns {', '.join(schema.names)}; `img` or `image` (struct with `bytes`) and "
        "`label` (integer) are needed."
    )
