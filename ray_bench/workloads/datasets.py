"""Where a data set is (`locate`, cheap, no torch) and what is in it (`load`).

Searched in this order, and each place also with a folder named after the data set (`cifar10/`,
`mnist/`, `fashion-mnist/`): `data.dir`, `data/` in the working directory, `~/.cache/ray_bench`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from ray_bench.config.groups import DataConfig
from ray_bench.errors import ConfigError, CorruptDataError, MissingDataError
from ray_bench.workloads import cifar, embedded, hub_parquet, idx, search
from ray_bench.workloads.arrays import Bytes, ImageSet, Split
from ray_bench.workloads.specs import (
    PADDED_FASHION_MEAN,
    PADDED_FASHION_STD,
    SPECS,
    DatasetSpec,
)

Reader = Literal["idx", "cifar_batches", "image_parquet", "embedded", "download"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a data set will be read from; hashable, so that it is read once a process.

    Attributes:
        dataset: What was asked for: `cifar10`, `mnist`, `fashion-mnist` or `digits`.
        content: What is there; another data set when it stands in.
        reader: How it is read.
        folder: Where it is; None for what ships with ray_bench.
    """

    dataset: str
    content: str
    reader: Reader
    folder: Path | None

    @property
    def is_standin(self) -> bool:
        """Whether other data stand in for those that were asked for."""
        return self.content != self.dataset

    def pinned(self, data: DataConfig) -> DataConfig:
        """Return the configuration that finds this source from any working directory."""
        return data if self.folder is None else data.model_copy(update={"dir": self.folder})


def locate(dataset: str, data: DataConfig) -> Source:
    """Find a data set without reading it; a preflight that costs milliseconds.

    Raises:
        ConfigError: There is no such data set.
        MissingDataError: It is nowhere, and neither a stand-in nor a download was allowed.
        CorruptDataError: Its Parquet files cannot be opened.
    """
    if dataset not in SPECS:
        raise ConfigError(f"There is no data set {dataset!r}; there are {', '.join(SPECS)}.")
    spec = SPECS[dataset]
    found = _stored(spec, data)
    if found is not None:
        return Source(dataset=dataset, content=dataset, reader=found[0], folder=found[1])
    if spec.torchvision_name and data.download:
        target = data.dir or search.user_cache_dir()
        return Source(dataset=dataset, content=dataset, reader="download", folder=target)
    if embedded.is_embedded(dataset):
        return Source(dataset=dataset, content=dataset, reader="embedded", folder=None)
    if data.standin and spec.standin:
        other = locate(spec.standin, data.model_copy(update={"standin": False}))
        return Source(
            dataset=dataset, content=other.content, reader=other.reader, folder=other.folder
        )
    raise MissingDataError(search.missing_message(spec, data))


@lru_cache(maxsize=4)
def load(source: Source) -> ImageSet:
    """Read a data set; the arrays are kept for the life of the process and must not be changed.

    Raises:
        CorruptDataError: A file is truncated or is not what its name says.
        MissingDataError: A file is gone, or the download failed.
    """
    if source.reader == "download":
        return load(_downloaded(source))
    asked, spec = SPECS[source.dataset], SPECS[source.content]
    train, val = _read(source, spec, "train"), _read(source, spec, "val")
    _check_identity(train, source)
    if source.is_standin and asked.shape != spec.shape:
        train, val = _as_cifar(train), _as_cifar(val)
        mean: tuple[float, ...] = PADDED_FASHION_MEAN
        std: tuple[float, ...] = PADDED_FASHION_STD
    else:
        mean, std = spec.mean, spec.std
    return ImageSet(
        train=train,
        val=val,
        name=_name(source),
        is_standin=source.is_standin,
        mean=mean,
        std=std,
    )


def _stored(spec: DatasetSpec, data: DataConfig) -> tuple[Reader, Path] | None:
    """Return reader and folder of the first place that has the data set; None where none has."""
    if spec.torchvision_name is None:
        return None
    for root in search.roots(spec, data):
        for folder in search.idx_folders(root, spec):
            return "idx", folder
        for folder in search.cifar_folders(root, spec):
            return "cifar_batches", folder
        for folder in search.parquet_folders(root, spec):
            return "image_parquet", folder
    return None


def _read(source: Source, spec: DatasetSpec, split: str) -> Split:
    if source.folder is None:
        return embedded.read_split(source.content, split)
    if source.reader == "idx":
        result = idx.read_split(source.folder, split)
    elif source.reader == "cifar_batches":
        result = cifar.read_split(source.folder, split)
    else:
        result = hub_parquet.read_split(source.folder, split, spec.shape, search.user_cache_dir())
    if result.images.shape[1:] != spec.shape:
        raise CorruptDataError(
            f"{source.folder} has images of shape {result.images.shape[1:]}, and {spec.title} has "
            f"{spec.shape}; give the folder of {spec.title} as `data.dir`."
        )
    return result


def _downloaded(source: Source) -> Source:
    """Fetch the data set and return where it is now."""
    from ray_bench.workloads.download import fetch

    if source.folder is None:
        raise AssertionError("a download has a folder")
    spec = SPECS[source.dataset]
    fetch(spec, source.folder)
    found = _stored(spec, DataConfig(dir=source.folder))
    if found is None:
        raise MissingDataError(
            f"The download of {spec.title} left nothing readable in {source.folder}; empty it and "
            "try again."
        )
    return Source(dataset=source.dataset, content=source.content, reader=found[0], folder=found[1])


def _check_identity(train: Split, source: Source) -> None:
    """Refuse one known data set under the name of another."""
    content = train.labels.astype(np.uint8).tobytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    for other in SPECS.values():
        if digest == other.label_md5 and other.key != source.content:
            raise CorruptDataError(
                f"{source.folder} holds {other.title}, not {SPECS[source.content].title}; give the "
                "right folder as `data.dir`."
            )


def _as_cifar(split: Split) -> Split:
    """Return 28x28 grey images as 32x32 with three equal channels and a black border."""
    padded: Bytes = np.pad(split.images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return Split(np.repeat(padded, 3, axis=3), split.labels)


def _name(source: Source) -> str:
    spec = SPECS[source.content]
    name = spec.title
    if source.reader == "embedded":
        name = spec.embedded_title
    elif source.reader == "image_parquet" and source.folder is not None:
        name += " (JPEG)" if hub_parquet.is_jpeg(source.folder) else ""
    if not source.is_standin:
        return name
    asked = SPECS[source.dataset]
    form = " as 32x32x3" if asked.shape != spec.shape else ""
    return f"{name}{form} (stand-in for {asked.title})"
