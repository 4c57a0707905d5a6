"""The folders in which a data set is looked for, and what is said when it is in none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ray_bench.config.groups import DataConfig
from ray_bench.errors import MissingDataError
from ray_bench.workloads import cifar, hub_parquet, idx
from ray_bench.workloads.specs import SPECS, DatasetSpec

#: Folders in which data sets on hubs keep their Parquet files.
_HUB_FOLDERS = ("", "data", "plain_text", "mnist", "fashion_mnist")


def user_cache_dir() -> Path:
    """Return the folder of downloads and decoded images; it need not exist."""
    return Path.home() / ".cache" / "ray_bench"


def roots(spec: DatasetSpec, data: DataConfig) -> list[Path]:
    """Return the existing folders to look in, first the one that was asked for.

    Raises:
        MissingDataError: `data.dir` is set and is not a folder.
    """
    places = [Path.cwd() / "data", user_cache_dir()]
    if data.dir is not None:
        if not data.dir.is_dir() and not data.download:
            raise MissingDataError(f"data.dir={data.dir} is not a folder on this host; correct it.")
        places.insert(0, data.dir)
    candidates = [path for place in places for path in (place, place / spec.key)]
    return [path for path in candidates if path.is_dir()]


def idx_folders(root: Path, spec: DatasetSpec) -> Iterator[Path]:
    """Yield folders with the data set's IDX files: the root, or torchvision's layout below it.

    Raises:
        MissingDataError: Some of the four files are there and some are not.
    """
    if spec.shape != (28, 28, 1):
        return
    for folder in (root, root / str(spec.torchvision_name) / "raw"):
        if idx.holds_idx(folder) and not _is_other(idx.label_md5(folder), spec):
            idx.image_and_label_files(folder, "train")
            idx.image_and_label_files(folder, "val")
            yield folder


def cifar_folders(root: Path, spec: DatasetSpec) -> Iterator[Path]:
    """Yield folders with CIFAR-10's batches: the root, or torchvision's layout below it."""
    if spec.key == "cifar10":
        for folder in (root, root / "cifar-10-batches-py"):
            if cifar.holds_batches(folder):
                yield folder


def parquet_folders(root: Path, spec: DatasetSpec) -> Iterator[Path]:
    """Yield folders with Parquet files of images of the right size."""
    for name in _HUB_FOLDERS:
        folder = root / name
        if hub_parquet.holds_parquet(folder) and hub_parquet.first_size(folder) == spec.shape[:2]:
            yield folder


def missing_message(spec: DatasetSpec, data: DataConfig) -> str:
    """Say where the data set was looked for, where to put it, and what else can be done."""
    layouts = {
        "cifar10": "cifar-10-batches-py/ (torchvision) or train-*.parquet and test-*.parquet (hub)",
        "mnist": "train-images-idx3-ubyte[.gz] and the other three IDX files, MNIST/raw/ "
        "(torchvision), or train-*.parquet and test-*.parquet (hub)",
    }
    looked = ", ".join(
        str(path) for path in (data.dir, Path.cwd() / "data", user_cache_dir()) if path
    )
    return (
        f"{spec.title} is not in {looked}. Put {layouts[spec.key]} into one of them or its folder "
        f"{spec.key}/, or set data.download=true, or data.standin=true for "
        "Fashion-MNIST in its place."
    )


def _is_other(label_md5: str | None, spec: DatasetSpec) -> bool:
    """Whether the training labels are those of another data set with the same file names."""
    return any(label_md5 == s.label_md5 for s in SPECS.values() if s.label_md5 and s != spec)
