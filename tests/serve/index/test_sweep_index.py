"""The index under threads, and while the store changes or cannot be reached."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ray_bench.errors import StoreError
from ray_bench.serve.index import Asked, SweepIndex
from ray_bench.serve.index import sweep_index as module
from ray_bench.store import ResultsStore
from ray_bench.store.live import write_live
from ray_bench.store.watch import Watch
from tests.samples import make_data, make_sweep


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A slow machine changes nothing."""
    monkeypatch.setattr(module, "_PATIENCE_S", 30)


@pytest.fixture
def store(tmp_path):
    made = ResultsStore(tmp_path / "results")
    made.write_sweep(make_sweep(sweep_id="one"))
    made.write_run(make_data(sweep_id="one", with_tables=False))
    return made


@pytest.fixture
def clock():
    now = [0.0]

    def read():
        return now[0]

    read.wait = lambda seconds: now.__setitem__(0, now[0] + seconds)
    return read


@pytest.fixture
def looks(monkeypatch):
    """How often the store is looked at."""
    found, look = [], Watch.look
    monkeypatch.setattr(Watch, "look", lambda *a, **k: found.append(k["whole"]) or look(*a, **k))
    return found


def test_one_look_a_second_and_the_same_page_until_something_changes(store, clock, looks):
    index = SweepIndex(store, clock)
    page = index.page(Asked())
    assert [row.sweep_id for row in page.rows] == ["one"]
    store.write_sweep(make_sweep(sweep_id="two"))
    assert index.page(Asked()) is page
    clock.wait(0.9)
    assert index.row("two") is None
    assert len(looks) == 1
    clock.wait(0.2)
    assert index.row("two") is not None
    assert index.page(Asked()) is not page
    assert index.row("tw") is None
    clock.wait(60)
    index.rows()
    assert looks == [True, False, True]


def test_what_was_changed_here_is_seen_at_once(store, clock):
    index = SweepIndex(store, clock)
    before = index.version("one")
    store.label("one", name="first")
    assert index.version("one") == before
    index.look_again()
    assert index.row("one").labels.name == "first"
    assert index.version("one") not in ("", before)
    assert index.version("nowhere") == ""


def test_a_store_that_hangs_or_fails_leaves_what_was_known(store, clock, monkeypatch):
    index = SweepIndex(store, clock)
    index.rows()
    hanging, go, whole_look = threading.Event(), threading.Event(), Watch.look

    def look(*_, **__):
        hanging.set()
        go.wait(10)
        raise StoreError("The disk is away.")

    monkeypatch.setattr(Watch, "look", look)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.01)
    clock.wait(2)
    index.look_again()
    assert index.snapshot().trouble == ""
    assert hanging.is_set()
    go.set()
    monkeypatch.setattr(module, "_PATIENCE_S", 30)
    clock.wait(2)
    index.look_again()
    snapshot = index.snapshot()
    assert snapshot.trouble == "The disk is away."
    assert [row.sweep_id for row in snapshot.rows] == ["one"]
    monkeypatch.setattr(Watch, "look", whole_look)
    clock.wait(60)  # long looks are made seldom
    index.look_again()
    assert index.snapshot().trouble == ""


def test_a_store_that_cannot_be_read_at_first_is_tried_again(tmp_path, clock):
    root = tmp_path / "results"
    root.mkdir()
    (root / "sweeps").write_text("a file in place of a folder")
    index = SweepIndex(ResultsStore(root), clock)
    for _ in range(2):
        with pytest.raises(StoreError):
            index.rows()
    (root / "sweeps").unlink()
    clock.wait(2)
    assert index.rows() == ()


def test_a_sweep_that_runs_and_falls_silent_has_died(store, clock, monkeypatch):
    index = SweepIndex(store, clock)
    write_live(store, "one", {"state": "running", "num_planned": 2, "num_ended": 1})
    assert index.row("one").state == "running"
    assert index.row("one").progress.num_ended == 1
    monkeypatch.setattr("ray_bench.serve.index.progress.SILENT", module.datetime.resolution)
    clock.wait(2)
    row = index.row("one")
    assert (row.state, row.progress) == ("unfinished", None)
    assert "has said nothing since" in row.message


def test_readers_are_never_broken_by_a_writer(store):
    """Every reader finds a sweep's rows whole while runs, labels and live states are written."""
    index, errors, ended = SweepIndex(store), [], threading.Event()

    def read():
        try:
            while not ended.is_set():
                index.look_again()
                for row in index.page(Asked(words="one")).rows:
                    assert row.num_done + row.num_failed <= row.num_planned
        except Exception as err:
            errors.append(err)
            raise

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(15):
        store.write_run(make_data(sweep_id="one", run_id=f"r{number}", with_tables=False))
        store.label("one", added=[f"t{number}"])
        write_live(store, "one", {"state": "running", "num_planned": 99, "num_ended": number})
        Path(store.root, "live", "half.json").write_text("{")
    ended.set()
    for thread in threads:
        thread.join(10)
    assert errors == []
    index.look_again()
    assert len(index.row("one").labels.tags) == 15
    assert index.row("one").num_done == 16
