from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from workload_files import (
    allow_encode,
    encoded,
    pixels,
    write_batches,
    write_idx,
    write_parquet,
)

from ray_bench.config.groups import DataConfig
from ray_bench.errors import ConfigError, CorruptDataError, MissingDataError
from ray_bench.workloads import cifar, datasets
from ray_bench.workloads.specs import SPECS

DATA = Path(__file__).parents[3] / "shared" / "data"
STANDIN_CIFAR = "Fashion-MNIST subset (8,000 + 2,000) as 32x32x3 (stand-in for CIFAR-10)"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No data set of this machine is found: own home, own working directory."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield
    datasets.load.cache_clear()


def write_cifar_parquet(folder: Path, image_format: str = "PNG") -> None:
    for name in ("train", "test"):
        contents = [encoded(image, image_format) for image in pixels(3)]
        write_parquet(folder / f"{name}-00000-of-00001.parquet", contents, [0, 1, 2])


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("data.dir", ""),
        ("data.dir", "mnist"),
        ("data.dir", "MNIST/raw"),
        ("data.dir", "mnist/MNIST/raw"),
        ("work/data", ""),
        ("work/data", "mnist"),
        ("home/.cache/ray_bench", "MNIST/raw"),
        ("home/.cache/ray_bench", "mnist"),
    ],
)
def test_mnist_is_found_in_every_place(tmp_path, place, folder):
    write_idx(tmp_path / place / folder)
    data = DataConfig(dir=tmp_path / "data.dir" if place == "data.dir" else None)
    source = datasets.locate("mnist", data)
    assert source.folder == tmp_path / place / folder
    images = datasets.load(source)
    assert (images.name, images.is_standin) == ("MNIST", False)
    assert len(images.train.images) == len(images.val.labels) == 3


def test_data_dir_comes_first(tmp_path):
    write_idx(tmp_path / "work" / "data")
    write_idx(tmp_path / "mine" / "fashion-mnist")
    data = DataConfig(dir=tmp_path / "mine")
    assert datasets.locate("fashion-mnist", data).folder == tmp_path / "mine" / "fashion-mnist"
    assert datasets.locate("mnist", data).folder == tmp_path / "work" / "data"


def test_pinned_source_is_found_from_another_working_directory(tmp_path, monkeypatch):
    write_idx(tmp_path / "work" / "data" / "mnist")
    source = datasets.locate("mnist", DataConfig())
    monkeypatch.chdir(tmp_path)
    assert datasets.locate("mnist", source.pinned(DataConfig())) == source
    digits = datasets.locate("digits", DataConfig())
    assert digits.pinned(DataConfig()) == DataConfig()


@pytest.mark.parametrize("folder", ["", "cifar10", "cifar-10-batches-py"])
def test_cifar_batches_are_found_and_read(tmp_path, monkeypatch, folder):
    allow_encode(monkeypatch)
    checksums = write_batches(tmp_path / "d" / folder)
    monkeypatch.setattr(cifar.read_split, "__defaults__", (checksums,))
    images = datasets.load(datasets.locate("cifar10", DataConfig(dir=tmp_path / "d")))
    assert images.name == "CIFAR-10"
    assert images.train.images.shape == (10, 32, 32, 3)


@pytest.mark.parametrize("folder", ["", "cifar10", "plain_text", "cifar10/data"])
@pytest.mark.parametrize(
    ("image_format", "name"), [("PNG", "CIFAR-10"), ("JPEG", "CIFAR-10 (JPEG)")]
)
def test_cifar_parquet_says_whether_it_is_lossless(tmp_path, folder, image_format, name):
    write_cifar_parquet(tmp_path / "d" / folder, image_format)
    images = datasets.load(datasets.locate("cifar10", DataConfig(dir=tmp_path / "d")))
    assert (images.name, images.is_standin) == (name, False)
    assert images.val.labels.tolist() == [0, 1, 2]
    assert list((tmp_path / "home/.cache/ray_bench/decoded").glob("*-images.npy"))


def test_parquet_of_other_images_is_not_taken(tmp_path):
    write_cifar_parquet(tmp_path)
    with pytest.raises(MissingDataError, match="MNIST is not in"):
        datasets.locate("mnist", DataConfig(dir=tmp_path))


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_absent_data_set_says_what_to_do(tmp_path, dataset):
    with pytest.raises(MissingDataError) as caught:
        datasets.locate(dataset, DataConfig(dir=tmp_path))
    message = str(caught.value)
    for part in (
        str(tmp_path),
        f"{dataset}/",
        "parquet",
        "data.download=true",
        "data.standin=true",
    ):
        assert part in message


def test_folder_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingDataError, match=r"data.dir=.*nowhere is not a folder"):
        datasets.locate("fashion-mnist", DataConfig(dir=tmp_path / "nowhere"))


def test_part_of_a_data_set_fails_the_preflight(tmp_path):
    write_idx(tmp_path / "mnist")
    (tmp_path / "mnist" / "train-images-idx3-ubyte").unlink()
    with pytest.raises(MissingDataError, match="no train-images-idx3-ubyte"):
        datasets.locate("mnist", DataConfig(dir=tmp_path))


def test_unknown_data_set_is_a_config_error():
    with pytest.raises(ConfigError, match="no data set 'svhn'; there are cifar10"):
        datasets.locate("svhn", DataConfig())


@pytest.mark.parametrize(
    ("dataset", "name", "shape"),
    [
        ("cifar10", STANDIN_CIFAR, (32, 32, 3)),
        ("mnist", "Fashion-MNIST subset (8,000 + 2,000) (stand-in for MNIST)", (28, 28, 1)),
    ],
)
def test_standin_is_marked(dataset, name, shape):
    source = datasets.locate(dataset, DataConfig(standin=True))
    assert source.is_standin
    images = datasets.load(source)
    assert (images.name, images.is_standin) == (name, True)
    assert images.train.images.shape == (8000, *shape)
    assert len(images.mean) == len(images.std) == shape[2]


def test_standin_is_padded_and_grey():
    images = datasets.load(datasets.locate("cifar10", DataConfig(standin=True)))
    subset = datasets.load(datasets.locate("fashion-mnist", DataConfig()))
    first = images.train.images[0]
    np.testing.assert_array_equal(first[2:-2, 2:-2, 1:2], subset.train.images[0])
    assert first[:2].max() == first[:, -2:].max() == 0
    floats = images.train.images[:2000].astype(np.float32) / 255
    assert floats.mean() == pytest.approx(images.mean[0], abs=0.01)
    assert floats.std() == pytest.approx(images.std[0], abs=0.01)


def test_standin_is_not_taken_where_the_data_are(tmp_path):
    write_idx(tmp_path / "mnist")
    source = datasets.locate("mnist", DataConfig(dir=tmp_path, standin=True))
    assert not source.is_standin


def test_subset_is_named_and_is_no_standin():
    images = datasets.load(datasets.locate("fashion-mnist", DataConfig()))
    assert images.name == "Fashion-MNIST subset (8,000 + 2,000)"
    assert not images.is_standin


def test_arrays_are_loaded_once():
    source = datasets.locate("digits", DataConfig())
    assert datasets.load(source) is datasets.load(datasets.locate("digits", DataConfig()))


def test_fashion_is_not_taken_for_mnist(tmp_path, monkeypatch):
    write_idx(tmp_path / "d")
    digest = hashlib.md5(bytes([3, 9, 0])).hexdigest()
    specs = dict(SPECS)
    object.__setattr__(specs["fashion-mnist"], "label_md5", digest)
    try:
        data = DataConfig(dir=tmp_path / "d")
        with pytest.raises(MissingDataError, match="MNIST is not in"):
            datasets.locate("mnist", data)
        assert datasets.locate("fashion-mnist", data).folder == tmp_path / "d"
        wrong = datasets.Source(dataset="mnist", content="mnist", reader="idx", folder=data.dir)
        with pytest.raises(CorruptDataError, match="holds Fashion-MNIST, not MNIST"):
            datasets.load(wrong)
    finally:
        object.__setattr__(specs["fashion-mnist"], "label_md5", "3236f6424fc25388b2834cb19942cf7e")


# --- download


@pytest.mark.parametrize("dir_name", ["new", None])
def test_download_is_moved_into_place(tmp_path, monkeypatch, dir_name):
    calls = []

    def fake(root: str, download: bool) -> None:
        calls.append((root, download))
        write_idx(Path(root) / "MNIST" / "raw")

    monkeypatch.setattr(torchvision.datasets, "MNIST", fake)
    data = DataConfig(dir=tmp_path / dir_name if dir_name else None, download=True)
    source = datasets.locate("mnist", data)
    assert source.reader == "download"
    assert not calls
    assert len(datasets.load(source).train.images) == 3
    again = datasets.locate("mnist", data)
    assert again.reader == "idx"
    assert again.folder == (data.dir or tmp_path / "home/.cache/ray_bench") / "MNIST" / "raw"
    datasets.load.cache_clear()
    datasets.load(source)
    assert len(calls) == 1


def test_failed_download_says_so(tmp_path, monkeypatch):
    def fake(root: str, download: bool) -> None:
        raise RuntimeError("no network here")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fake)
    source = datasets.locate("cifar10", DataConfig(dir=tmp_path, download=True))
    with pytest.raises(MissingDataError, match=r"could not be fetched .*: no network here"):
        datasets.load(source)


# --- real data


@needs_data
@pytest.mark.parametrize(
    ("dataset", "name"), [("mnist", "MNIST"), ("fashion-mnist", "Fashion-MNIST")]
)
def test_real_idx_sets(dataset, name):
    images = datasets.load(datasets.locate(dataset, DataConfig(dir=DATA)))
    assert images.name == name
    assert images.train.images.shape == (60_000, 28, 28, 1)
    assert images.val.images.shape == (10_000, 28, 28, 1)
    floats = images.train.images[::20].astype(np.float32) / 255
    assert floats.mean() == pytest.approx(images.mean[0], abs=0.01)


@needs_data
def test_folders_of_mnist_and_fashion_are_not_confused():
    with pytest.raises(MissingDataError, match="MNIST is not in"):
        datasets.locate("mnist", DataConfig(dir=DATA / "fashion-mnist"))
    subset = datasets.locate("fashion-mnist", DataConfig(dir=DATA / "mnist"))
    assert subset.reader == "embedded"


@needs_data
def test_subset_is_part_of_fashion_mnist():
    whole = datasets.load(datasets.locate("fashion-mnist", DataConfig(dir=DATA)))
    subset = datasets.load(datasets.locate("fashion-mnist", DataConfig()))
    for part, source in ((subset.train, whole.train), (subset.val, whole.val)):
        known = {
            (im.tobytes(), label) for im, label in zip(source.images, source.labels, strict=True)
        }
        assert {
            (im.tobytes(), label) for im, label in zip(part.images, part.labels, strict=True)
        } <= known


@needs_data
@pytest.mark.slow
def test_real_cifar_parquet():
    images = datasets.load(datasets.locate("cifar10", DataConfig(dir=DATA)))
    assert images.name == "CIFAR-10 (JPEG)"
    assert np.bincount(images.train.labels).tolist() == [5000] * 10
    assert np.bincount(images.val.labels).tolist() == [1000] * 10
    mean = images.train.images.mean((0, 1, 2)) / 255
    assert mean == pytest.approx(images.mean, abs=0.002)
