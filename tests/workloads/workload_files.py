"""Tiny data sets in every layout that the readers know."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ray_bench.workloads import cifar

SHAPE = (32, 32, 3)


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_idx(
    folder: Path, *, is_gzip: bool = False, labels=(3, 9, 0), num_images: int = 3
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = np.arange(num_images * 28 * 28, dtype=np.uint32).astype(np.uint8)
    for prefix in ("train", "t10k"):
        contents = {
            f"{prefix}-images-idx3-ubyte": idx_bytes(images.reshape(-1, 28, 28)),
            f"{prefix}-labels-idx1-ubyte": idx_bytes(np.array(labels, np.uint8)),
        }
        for name, content in contents.items():
            path = folder / (f"{name}.gz" if is_gzip else name)
            path.write_bytes(gzip.compress(content) if is_gzip else content)


def encoded(pixels: np.ndarray, image_format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, image_format)
    return stream.getvalue()


def write_parquet(path: Path, contents, labels, column: str = "img") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    structs = [{"bytes": content, "path": None} for content in contents]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({column: pa.array(structs, kind), "label": pa.array(labels, pa.int64())})
    pq.write_table(table, path)


def pixels(num: int, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, *shape), dtype=np.uint8)


def write_batches(folder: Path, num: int = 2, **changes) -> dict[str, str]:
    """Write six batches and return their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    checksums = {}
    for start, name in enumerate(cifar.OFFICIAL_MD5):
        planes = pixels(num).transpose(0, 3, 1, 2).reshape(num, -1)
        batch = {b"data": planes, b"labels": [start] * num, **changes}
        content = pickle.dumps(batch, protocol=2)
        (folder / name).write_bytes(content)
        checksums[name] = hashlib.md5(content).hexdigest()
    return checksums


def allow_encode(monkeypatch):
    # Python 3 writes bytes of protocol 2 through `_codecs.encode`; the official files do not.
    import _codecs

    allowed = {**cifar._ALLOWED, ("_codecs", "encode"): _codecs.encode}
    monkeypatch.setattr(cifar, "_ALLOWED", allowed)
