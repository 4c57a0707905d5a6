"""Tests of files under a root."""

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

from ray_bench.errors import ConfigError, StoreError
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
    ("root", "message"), [("", "is empty"), ("  ", "is empty"), ("s3:/bucket", "write s3://")]
)
def test_roots_that_are_slips_are_refused(root, message):
    with pytest.raises(ConfigError, match=message):
        Location(root)


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
        "ray_bench.store.location.fs.FileSystem", type("Fake", (), {"from_uri": opened})
    )
    store = ResultsStore("s3://bucket/results")
    store.check_writable()
    store.write_sweep(make_sweep())
    store.write_run(make_data())
    store.write_run(make_data(attempt=2))
    assert store.read().runs[0].attempt == 2
    assert store.write_text("report.md", "x") == "s3://bucket/results/report.md"
