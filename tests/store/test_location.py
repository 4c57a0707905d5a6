"""Tests of files under a root."""

import errno

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from ray_bench.errors import AlreadyStoredError, ConfigError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.location import Location, safe_name
from tests.samples import make_data, make_sweep


@given(st.text())
def test_safe_names_are_safe(text):
    name = safe_name(text)
    assert 0 < len(name) < 200
    assert "/" not in name
    assert not name.startswith((".", "_"))


@given(st.text(), st.text())
def test_different_texts_have_different_names(one, other):
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_harmless_names_stay():
    assert safe_name("cnn-digits-w2-strong-s0-ab12cd-r0") == "cnn-digits-w2-strong-s0-ab12cd-r0"


def test_file_uris_are_local(tmp_path):
    location = Location(f"file://{tmp_path}")
    assert location.is_local
    location.write("a/b.parquet", b"x")
    assert (tmp_path / "a" / "b.parquet").read_bytes() == b"x"
    assert location.names("a") == ["a/b.parquet"]


def test_unknown_schemes_are_explained():
    with pytest.raises(StoreError, match="Cannot open the results location nonsense://x"):
        Location("nonsense://x")


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("s3:/bucket", "write s3://"),
        ("s3://", "names no bucket"),
        ("s3:///folder", "names no bucket"),
        ("s3://b/f?endpoint=h:1", "option 'endpoint'; s3:// takes endpoint_override"),
        ("s3://b/f?endpoint_override=ftp://h", "like http://HOST:9000"),
        ("gs://b/f?regoin=x", "option 'regoin'"),
    ],
)
def test_roots_that_are_slips_are_refused(root, message):
    with pytest.raises(ConfigError, match=message):
        Location(root)


def test_a_password_is_not_shown():
    location = Location("s3://key:se%2Fcret@bucket/f?region=eu-central-1")
    assert location.root == "s3://key:***@bucket/f?region=eu-central-1"
    assert location.path("a") == "s3://key:***@bucket/f/a"
    assert location.folder == "bucket/f"


def test_links_to_folders_are_not_followed(tmp_path):
    location = Location(tmp_path)
    location.write("runs/sweep=a/one.parquet", b"x")
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs")
    assert [x.name for x in location.listing("runs", below=True)] == ["runs/sweep=a/one.parquet"]


def test_names_that_would_harm_a_terminal_are_no_results(tmp_path):
    location = Location(tmp_path)
    for name in (b"ok.parquet", b"\x1b[2J.parquet", b"a\nb.parquet", b"\xff.parquet"):
        (tmp_path / "runs").mkdir(exist_ok=True)
        with open(bytes(tmp_path / "runs") + b"/" + name, "wb"):
            pass
    assert location.names("runs") == ["runs/ok.parquet"]


def test_a_file_that_is_written_once_stays(tmp_path):
    location = Location(tmp_path)
    location.write_once("a.parquet", b"x")
    location.write_once("a.parquet", b"x")
    with pytest.raises(AlreadyStoredError, match=r"a.parquet is stored already, with other"):
        location.write_once("a.parquet", b"y")
    assert (tmp_path / "a.parquet").read_bytes() == b"x"
    assert len(list(tmp_path.iterdir())) == 1


def test_it_stays_on_a_disk_without_hard_links(tmp_path, monkeypatch):
    def refuse(path, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    test_a_file_that_is_written_once_stays(tmp_path)


def test_missing_files(tmp_path):
    location = Location(tmp_path)
    location.remove("nothing")
    assert location.names("nothing") == []
    with pytest.raises(StoreError, match=r"Cannot read .*nothing"):
        location.read("nothing")


def test_an_object_store_holds_the_same(monkeypatch):
    memory = fs.PyFileSystem(fs.FSSpecHandler(MemoryFileSystem()))
    opened = staticmethod(lambda uri: (memory, uri.partition("://")[2]))
    monkeypatch.setattr(
        "ray_bench.store.address.fs.FileSystem", type("Fake", (), {"from_uri": opened})
    )
    store = ResultsStore("memory://bucket/results")
    store.check_writable()
    store.write_sweep(make_sweep())
    store.write_run(make_data())
    store.write_run(make_data(attempt=2))
    assert store.read().runs[0].attempt == 2
    assert store.write_text("report.md", "x") == "memory://bucket/results/report.md"
