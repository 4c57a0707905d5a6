from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workload_files import (
    SHAPE,
    allow_encode,
    encoded,
    idx_bytes,
    pixels,
    write_batches,
    write_idx,
    write_parquet,
)

from ray_bench.errors import CorruptDataError, MissingDataError
from ray_bench.workloads import cifar, embedded, hub_parquet, idx
from ray_bench.workloads.arrays import Split
from ray_bench.workloads.decode_cache import cached

# --- IDX


@pytest.mark.parametrize("is_gzip", [False, True])
def test_idx_is_read_raw_and_compressed(tmp_path, is_gzip):
    write_idx(tmp_path, is_gzip=is_gzip)
    split = idx.read_split(tmp_path, "val")
    assert split.images.shape == (3, 28, 28, 1)
    assert split.images[1, 0, 0, 0] == (28 * 28) % 256
    assert split.labels.tolist() == [3, 9, 0]
    assert split.images.flags.writeable


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "starts with nothing"),
        (b"\x00\x00\x0d\x01" + b"\x00" * 8, "starts with 00000d01, .* with 00000801"),
        (b"\x00\x00\x08\x01\x00", "ends at byte 5, within its header"),
        (
            idx_bytes(np.zeros(5, np.uint8))[:-2],
            r"ends at byte 11, .* promises 13 for shape \(5,\)",
        ),
        (idx_bytes(np.zeros(5, np.uint8)) + b"x", "ends at byte 14, .* promises 13"),
    ],
)
@pytest.mark.parametrize("is_gzip", [False, True])
def test_damaged_idx_names_the_file_and_the_offset(tmp_path, content, match, is_gzip):
    path = tmp_path / ("train-labels-idx1-ubyte" + (".gz" if is_gzip else ""))
    path.write_bytes(gzip.compress(content) if is_gzip else content)
    with pytest.raises(CorruptDataError, match=rf"{path.name} .*{match}.*delete it and fetch"):
        idx.read_array(path, num_dimensions=1)


def test_truncated_or_broken_gzip_is_corrupt(tmp_path):
    path = tmp_path / "labels.gz"
    whole = gzip.compress(idx_bytes(np.arange(200, dtype=np.uint8)))
    flipped = bytearray(whole)
    flipped[-6] ^= 255  # in the checksum
    for content in (whole[: len(whole) // 2], b"no gzip at all", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(CorruptDataError, match=r"labels.gz .* cannot be decompressed"):
            idx.read_array(path, num_dimensions=1)


def test_more_labels_than_images_is_corrupt(tmp_path):
    write_idx(tmp_path, labels=(1, 2, 3, 4))
    with pytest.raises(CorruptDataError, match="has 4 labels for 3 images"):
        idx.read_split(tmp_path, "train")


def test_label_out_of_range_is_corrupt(tmp_path):
    write_idx(tmp_path, labels=(1, 10, 3))
    with pytest.raises(CorruptDataError, match="label 10 at sample 1, and labels are 0 to 9"):
        idx.read_split(tmp_path, "train")


def test_missing_idx_file_is_named(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(MissingDataError, match="no t10k-labels-idx1-ubyte"):
        idx.read_split(tmp_path, "val")


# --- CIFAR-10 batches


def test_cifar_batches_are_read_in_order(tmp_path, monkeypatch):
    allow_encode(monkeypatch)
    checksums = write_batches(tmp_path)
    train = cifar.read_split(tmp_path, "train", checksums)
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    np.testing.assert_array_equal(train.images[:2], pixels(2))
    assert cifar.read_split(tmp_path, "val", checksums).labels.tolist() == [5, 5]


def test_python2_pickle_needs_no_more_than_arrays(tmp_path):
    # As the official files: written by Python 2, all text is bytes.
    content = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
        b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01"
        b"\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x00\x0c\x00\x00"
        + b"\x07" * 3072
        + b"tbU\x06labels]K\x04au."
    )
    (tmp_path / "test_batch").write_bytes(content)
    split = cifar.read_split(tmp_path, "val", {"test_batch": hashlib.md5(content).hexdigest()})
    assert split.labels.tolist() == [4]
    assert (split.images == 7).all()


def test_other_checksum_is_corrupt(tmp_path):
    write_batches(tmp_path)
    with pytest.raises(CorruptDataError, match=r"data_batch_1 .*md5 \w+, .* is c99cafc15"):
        cifar.read_split(tmp_path, "train")


def test_missing_batch_is_named(tmp_path):
    checksums = write_batches(tmp_path)
    (tmp_path / "test_batch").unlink()
    with pytest.raises(MissingDataError, match="test_batch is missing"):
        cifar.read_split(tmp_path, "val", checksums)


class _Evil:
    def __reduce__(self):
        return os.system, ("exit 1",)


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        ({b"data": _Evil()}, "asks for posix.system, which is not allowed"),
        ({b"labels": [1]}, "b'data'"),
        ({b"data": np.zeros((1, 5), np.uint8), b"labels": [1]}, "reshape"),
    ],
)
def test_batch_of_something_else_is_corrupt(tmp_path, monkeypatch, batch, match):
    allow_encode(monkeypatch)
    content = pickle.dumps(batch, protocol=2)
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(CorruptDataError, match=f"test_batch is not a CIFAR-10 batch: .*{match}"):
        cifar.read_split(tmp_path, "val", {"test_batch": hashlib.md5(content).hexdigest()})


# --- Parquet


@pytest.mark.parametrize("column", ["img", "image"])
def test_parquet_shards_are_read_in_order(tmp_path, column):
    images = pixels(4)
    for shard in (0, 1):
        rows = slice(2 * shard, 2 * shard + 2)
        path = tmp_path / f"train-0000{shard}-of-00002.parquet"
        write_parquet(path, map(encoded, images[rows]), [shard, 7], column)
    split = hub_parquet.read_split(tmp_path, "train", SHAPE, tmp_path / "cache")
    np.testing.assert_array_equal(split.images, images)
    assert split.labels.tolist() == [0, 7, 1, 7]
    assert hub_parquet.first_size(tmp_path) == (32, 32)
    assert not hub_parquet.is_jpeg(tmp_path)


def test_jpeg_is_told_from_lossless(tmp_path):
    write_parquet(tmp_path / "train.parquet", [encoded(pixels(1)[0], "JPEG")], [1])
    assert hub_parquet.is_jpeg(tmp_path)


def test_grey_images_get_one_channel(tmp_path):
    grey = pixels(2, (28, 28))
    write_parquet(tmp_path / "test.parquet", map(encoded, grey), [1, 2], "image")
    split = hub_parquet.read_split(tmp_path, "val", (28, 28, 1), tmp_path / "cache")
    np.testing.assert_array_equal(split.images[..., 0], grey)


def test_missing_shard_is_counted(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00003.parquet", [encoded(pixels(1)[0])], [1])
    with pytest.raises(MissingDataError, match="has 1 of 3 train"):
        hub_parquet.split_files(tmp_path, "train")
    with pytest.raises(MissingDataError, match="no test-"):
        hub_parquet.split_files(tmp_path, "val")


GOOD = encoded(pixels(1)[0])


@pytest.mark.parametrize(
    ("contents", "labels", "match"),
    [
        ([GOOD, b"nonsense"], [1, 2], "image in row 1 that cannot be decoded"),
        ([GOOD, GOOD[: len(GOOD) // 2]], [1, 2], "image in row 1 that cannot be decoded"),
        ([GOOD, GOOD, None], [1, 2, 3], "no image in row 2"),
        ([GOOD, GOOD], [1, None], "no label in row 1"),
        ([GOOD, GOOD], [1, 12], "label 12 at sample 1"),
        ([GOOD, GOOD], [1, -1], "label -1 at sample 1"),
        ([encoded(pixels(1, (28, 28))[0])], [1], "image of 28x28 in row 0, and 32x32"),
        ([], [], "holds no samples"),
    ],
)
def test_bad_row_is_named(tmp_path, contents, labels, match):
    write_parquet(tmp_path / "train.parquet", contents, labels)
    with pytest.raises(CorruptDataError, match=rf"train.parquet .*{match}"):
        hub_parquet.read_split(tmp_path, "train", SHAPE, tmp_path / "cache")


def test_damaged_parquet_is_corrupt(tmp_path):
    path = tmp_path / "train.parquet"
    write_parquet(path, [GOOD], [1])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptDataError, match=r"train.parquet .*cannot be read as Parquet"):
        hub_parquet.first_size(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        {"picture": [{"bytes": b"x"}], "label": [1]},
        {"img": [b"x"], "label": [1]},
        {"img": [{"bytes": b"x"}]},
        {"img": [{"bytes": b"x"}], "label": ["cat"]},
    ],
)
def test_needed_columns_are_named(tmp_path, table):
    pq.write_table(pa.table(table), tmp_path / "train.parquet")
    with pytest.raises(CorruptDataError, match=r"has columns .*`img` or `image`"):
        hub_parquet.first_size(tmp_path)


# --- the cache of decoded images


def small_split(value: int = 5) -> Split:
    return Split(np.full((3, 2, 2, 1), value, np.uint8), np.arange(3))


def test_cache_decodes_once_and_maps_afterwards(tmp_path):
    calls = []

    def decode() -> Split:
        calls.append(1)
        return small_split()

    for _ in range(3):
        split = cached(tmp_path / "a" / "b", "key", decode)
        np.testing.assert_array_equal(split.images, small_split().images)
        assert split.labels.tolist() == [0, 1, 2]
    assert len(calls) == 1
    assert isinstance(split.images, np.memmap)
    assert split.images.flags.writeable
    assert not list(tmp_path.rglob("*.tmp"))


def test_damaged_cache_is_decoded_again(tmp_path):
    cached(tmp_path, "key", small_split)
    path = tmp_path / "key-images.npy"
    for content in (b"", path.read_bytes()[:-4], b"nonsense"):
        path.write_bytes(content)
        assert (cached(tmp_path, "key", small_split).images == 5).all()
    assert isinstance(cached(tmp_path, "key", small_split).images, np.memmap)


def test_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert (cached(tmp_path / "file" / "cache", "key", small_split).images == 5).all()


def test_error_of_the_decoder_is_passed_on(tmp_path):
    def decode() -> Split:
        raise CorruptDataError("bad")

    with pytest.raises(CorruptDataError, match="bad"):
        cached(tmp_path, "key", decode)
    assert (cached(tmp_path, "key", small_split).images == 5).all()


def _decode_and_count(folder: str, barrier, results) -> None:
    def decode() -> Split:
        with open(f"{folder}/calls", "a") as file:
            file.write("x")
        return Split(np.full((2000, 32, 32, 3), 5, np.uint8), np.arange(2000))

    barrier.wait(60)
    results.put(int(cached(Path(folder), "key", decode).images.sum(dtype=np.int64)))


def _die_with_the_lock(folder: str) -> None:
    cached(Path(folder), "key", lambda: os._exit(1))  # type: ignore[arg-type, return-value]


def test_two_processes_decode_once(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(2), spawn.Queue()
    workers = [
        spawn.Process(target=_decode_and_count, args=(str(tmp_path), barrier, results))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    sums = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert sums == [2000 * 32 * 32 * 3 * 5] * 2
    assert (tmp_path / "calls").read_text() == "x"


def test_process_that_dies_while_decoding_blocks_nobody(tmp_path):
    worker = multiprocessing.get_context("spawn").Process(
        target=_die_with_the_lock, args=(str(tmp_path),)
    )
    worker.start()
    worker.join(60)
    assert worker.exitcode == 1
    assert (cached(tmp_path, "key", small_split).images == 5).all()


# --- what ships with ray_bench


@pytest.mark.parametrize(
    ("dataset", "split", "num", "size", "per_class"),
    [
        ("digits", "train", 1500, 8, range(145, 154)),
        ("digits", "val", 297, 8, range(29, 31)),
        ("fashion-mnist", "train", 8000, 28, range(800, 801)),
        ("fashion-mnist", "val", 2000, 28, range(200, 201)),
    ],
)
def test_embedded_data_are_balanced(dataset, split, num, size, per_class):
    data = embedded.read_split(dataset, split)
    assert data.images.shape == (num, size, size, 1)
    assert data.images.dtype == np.uint8
    assert data.images.max() >= 240
    assert all(count in per_class for count in np.bincount(data.labels, minlength=10))
