"""A run that cannot be stored is kept on this machine, and stored later, once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ray_bench.errors import AlreadyStoredError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.files import LocalFiles
from ray_bench.store.run_files import files_of
from ray_bench.store.spool import Spool
from tests.samples import make_data, make_sweep


@pytest.fixture
def full(monkeypatch):
    """A results disk without room, while the list holds its folder; the spool has room."""
    folders: list[str] = []
    real = LocalFiles.write

    def write(self, name, data):
        if self.folder in folders:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, name, data)

    monkeypatch.setattr(LocalFiles, "write", write)
    monkeypatch.setattr(LocalFiles, "create", lambda self, name, data: write(self, name, data))
    return folders


def kept(tmp_path) -> list[Path]:
    (folder,) = (tmp_path / "state" / "ray_bench" / "spool").iterdir()
    return sorted(folder.iterdir())


def test_a_full_disk_loses_no_run(store, full, tmp_path):
    said: list[str] = []
    store.write_sweep(make_sweep())
    full.append(store.root)
    for run_id in ("a", "b"):
        with pytest.raises(StoreError, match=r"No space left on device.*The run is kept in"):
            store.write_run(make_data(run_id=run_id))
    assert store.read().runs == ()
    assert len(kept(tmp_path)) == 2
    assert (kept(tmp_path)[0] / "runs").is_dir()
    assert kept(tmp_path)[0].parent.stat().st_mode & 0o077 == 0
    full.clear()
    os.chdir(tmp_path)
    ResultsStore("results", say=said.append).check_writable()  # the same place, named otherwise
    assert said == ["Stored 2 runs that were kept aside, in results"]
    assert [run.run_id for run in store.read().runs] == ["a", "b"]
    assert list(store.read().blocks["run_id"]) == ["a", "a", "b", "b"]
    assert len(store.read().environments) == 1
    assert kept(tmp_path) == []


def test_what_is_stored_meanwhile_is_delivered_once(store, full, tmp_path):
    store.write_sweep(make_sweep())
    full.append(store.root)
    with pytest.raises(StoreError):
        store.write_run(make_data())
    full.clear()
    copy = kept(tmp_path)[0]
    store.write_run(make_data(run_id="b"))
    assert not copy.exists()
    store.write_run(make_data())  # the very same attempt again
    assert len(store.read().runs) == 2


def test_what_has_waited_longest_is_stored_first(tmp_path):
    spool, stored = Spool(str(tmp_path / "results")), []
    for age_s, run_id in ((20, "middle"), (10, "last"), (30, "first")):
        place = spool.keep(files_of(make_data(run_id=run_id)))
        os.utime(place, (0, 1e9 - age_s))
    assert spool.deliver(lambda files: stored.append(Path(files.run[0]).stem)) == (3, [])
    assert stored == ["first", "middle", "last"]


def test_a_run_whose_place_is_taken_stays_aside(store, full, tmp_path):
    said: list[str] = []
    store.write_sweep(make_sweep())
    full.append(store.root)
    with pytest.raises(StoreError):
        store.write_run(make_data())
    (copy,) = kept(tmp_path)
    copy.rename(tmp_path / "later")
    full.clear()
    store.write_run(make_data(wall_s=1.0))
    (tmp_path / "later").rename(copy)
    other = ResultsStore(store.root, say=said.append)
    other.check_writable()
    other.check_writable()
    assert len(said) == 1
    assert ".refused and cannot be stored: " in said[0]
    assert store.read().runs[0].wall_s == 1.0
    assert (kept(tmp_path)[0] / "runs").is_dir()


def test_other_content_is_kept_and_never_replaces(store, tmp_path):
    store.write_run(make_data())
    with pytest.raises(AlreadyStoredError, match=r"with other content.*kept in .*\.refused"):
        store.write_run(make_data(wall_s=1.0))
    assert store.runs(make_sweep().sweep_id)[0].wall_s == make_data().run.wall_s


def test_the_same_row_with_other_tables_is_other_content(store):
    store.write_run(make_data())
    with pytest.raises(AlreadyStoredError):
        store.write_run(make_data(with_tables=False))


def test_a_damaged_spool_keeps_nobody_waiting(store, full, tmp_path):
    store.write_sweep(make_sweep())
    full.append(store.root)
    with pytest.raises(StoreError):
        store.write_run(make_data())
    (kept(tmp_path)[0] / "files.json").write_text("{")
    full.clear()
    store.write_run(make_data(run_id="b"))
    assert [run.run_id for run in store.read().runs] == ["b"]


def test_no_room_anywhere_says_so(store, full, tmp_path, monkeypatch):
    store.write_sweep(make_sweep())
    full.append(store.root)
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match=r"No space left.*could not be kept in .* either"):
        store.write_run(make_data())


def test_what_a_killed_writer_left_gives_way(store, tmp_path):
    store.write_sweep(make_sweep())
    store.write_run(make_data())
    (run,) = (tmp_path / "results" / "runs").rglob("*.parquet")
    run.unlink()
    store.write_run(make_data(with_tables=False))
    assert store.read().epochs["epoch"].size == 0
    assert not list((tmp_path / "results" / "epochs").rglob("*.parquet"))
