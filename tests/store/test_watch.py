"""A look at the store finds what changed, and all summaries are those of a fresh reading."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ray_bench.store import ResultsStore
from ray_bench.store import watched as watched_module
from ray_bench.store.answers import AnswerRecord
from ray_bench.store.live import write_live
from ray_bench.store.watch import Watch
from tests.samples import START, make_data, make_sweep


@pytest.fixture
def store(tmp_path):
    made = ResultsStore(tmp_path / "results")
    for number, sweep_id in enumerate(("one", "two ways", "three")):
        created = START + timedelta(hours=number)
        made.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created))
        made.write_run(make_data(sweep_id=sweep_id, with_tables=False))
    return made


@pytest.fixture
def watch(store, monkeypatch):
    """One that has seen the store, and trusts times of change at once."""
    monkeypatch.setattr(watched_module, "_COARSE_NS", 0)
    made = Watch(store)
    made.look()
    return made


def summaries(watch):
    found = [watch.glance(name).summary for name in watch.names()]
    return tuple(sorted(found, key=lambda x: x.created_at_utc, reverse=True))


def test_what_is_seen_is_what_a_fresh_reading_finds(store, watch):
    assert summaries(watch) == store.summaries()
    assert watch.look() == frozenset()
    store.write_run(make_data(sweep_id="three", run_id="b", status="failed", with_tables=False))
    store.label("three", name="third", added=["nightly"])
    assert watch.look() == {"three"}
    store.write_sweep(make_sweep(sweep_id="four", created_at_utc=START + timedelta(hours=9)))
    assert watch.look() == {"four"}
    assert summaries(watch) == store.summaries()
    assert summaries(watch)[1].labels.name == "third"


def test_only_what_changed_is_listed_and_read(store, watch, monkeypatch):
    listed, read = [], []
    listing, find = type(store.location).listing, type(store.location).find
    monkeypatch.setattr(
        type(store.location), "listing", lambda *a, **k: listed.append(a[1]) or listing(*a, **k)
    )
    monkeypatch.setattr(type(store.location), "find", lambda *a: read.append(a[1]) or find(*a))
    watch.look()
    assert (listed, read) == ([], [])
    store.write_run(make_data(sweep_id="one", run_id="b", with_tables=False))
    read.clear()
    watch.look()
    assert (listed, read) == (["runs/sweep=one"], ["runs/sweep=one/b.parquet"])


def test_versions_change_with_what_a_report_is_made_from_only(store, watch):
    before = {name: watch.glance(name).version for name in watch.names()}
    answer = AnswerRecord(
        sweep_id="one",
        made_at_utc=START,
        ray_bench_version="1",
        basis="x",
        lead="Use 2",
        world_size=2,
        hardware=None,
        figures_json="[]",
        num_caveats=0,
    )
    store.write_answer(answer)
    write_live(store, "one", {"state": "running"})
    assert watch.look() == {"one"}
    assert {name: watch.glance(name).version for name in watch.names()} == before
    store.label("one", note="x")
    watch.look()
    changed = [name for name in watch.names() if watch.glance(name).version != before[name]]
    assert changed == ["one"]


def test_a_sweep_that_is_removed_goes(store, watch):
    Path(store.root, "sweeps", "one.parquet").unlink()
    shutil.rmtree(Path(store.root, "runs", "sweep=one"))
    assert watch.look() == {"one"}
    assert watch.names() == {"three", *(name for name in watch.names() if name.startswith("xtwo"))}
    assert len(watch.names()) == 2


def test_a_file_that_is_copied_slowly_is_read_when_it_is_whole(store, watch):
    """Nothing of its folder changes any more when its last bytes come."""
    whole = Path(store.root, "runs", "sweep=one", "a.parquet").read_bytes()
    late = Path(store.root, "runs", "sweep=one", "late.parquet")
    late.write_bytes(whole[:100])
    watch.look()
    found = watch.glance("one")
    assert found.summary.num_done == 1
    assert "late.parquet is damaged" in str(found.errors[0])
    with late.open("ab") as file:
        file.write(whole[100:])
    assert watch.look() == {"one"}
    assert watch.glance("one").errors == ()


def test_a_damaged_sweep_has_a_name_and_an_error(store, watch):
    path = Path(store.root, "sweeps", "one.parquet")
    path.write_bytes(b"nonsense")
    os.utime(path.parent)
    assert watch.look() == {"one"}
    found = watch.glance("one")
    assert (found.sweep_id, found.record, found.summary) == ("one", None, None)
    assert "one.parquet is damaged" in str(found.errors[0])
    assert found.changed_at_utc is not None


def test_damaged_live_states_are_errors(store, watch):
    for text in ("{", '{"schema_version": 99}', '{"schema_version": 1}'):
        store.write_text("live/one.json", text)
        watch.look()
        found = watch.glance("one")
        assert found.live is None
        assert len(found.errors) == 1


def test_a_change_within_the_grain_of_the_clock_is_seen(store, monkeypatch):
    """The folder's time of change may be the same before and after."""
    watch = Watch(store)
    watch.look()
    folder = Path(store.root, "runs", "sweep=one")
    before = folder.stat()
    store.write_run(make_data(sweep_id="one", run_id="b", with_tables=False))
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watch.look() == {"one"}


def test_a_whole_look_trusts_no_time_of_change(store, watch):
    folder = Path(store.root, "runs", "sweep=one")
    before = folder.stat()
    store.write_run(make_data(sweep_id="one", run_id="b", with_tables=False))
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert watch.look() == frozenset()
    assert watch.look(whole=True) == {"one"}


def test_an_empty_place_has_none(tmp_path):
    watch = Watch(ResultsStore(tmp_path / "none"))
    assert (watch.look(), watch.names()) == (frozenset(), frozenset())
