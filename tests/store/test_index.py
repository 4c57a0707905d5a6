"""The index is a cache: with it, without it, or with a damaged one, the same sweeps come out."""

from __future__ import annotations

import multiprocessing
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ray_bench.store import ResultsStore
from ray_bench.store import index as index_module
from ray_bench.store.location import Location
from tests.samples import START, make_data, make_sweep

NUM_SWEEPS = 12


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(index_module, "_MIN_FILES", {"sweeps": 3, "runs": 5})
    monkeypatch.setattr(index_module, "_MAX_SEGMENTS", 3)


def fill(store, numbers=range(NUM_SWEEPS), num_runs=3) -> None:
    run_ids = tuple("abc"[:num_runs])
    for number in numbers:
        created = START + timedelta(minutes=number)
        sweep_id = f"s{number:03}"
        store.write_sweep(make_sweep(sweep_id=sweep_id, created_at_utc=created, run_ids=run_ids))
        for run_id in run_ids:
            status = "failed" if run_id == "b" and number % 3 == 0 else "ok"
            store.write_run(
                make_data(sweep_id=sweep_id, run_id=run_id, status=status, with_tables=False)
            )


def without_index(store):
    shutil.rmtree(Path(store.root) / "index")
    return ResultsStore(store.root).summaries()


def segments(store, table="runs") -> list[Path]:
    return sorted((Path(store.root) / "index" / table).iterdir())


def test_the_same_comes_out_with_and_without_it(store):
    fill(store)
    found = store.summaries()
    assert [summary.sweep_id for summary in found] == [f"s{i:03}" for i in range(11, -1, -1)]
    assert [summary.num_failed for summary in found] == [i % 3 == 0 for i in range(11, -1, -1)]
    assert 0 < len(segments(store)) <= 4
    assert without_index(store) == found


def test_writing_makes_it(store):
    fill(store)
    assert segments(store)
    assert segments(store, "sweeps")


def test_what_it_knows_is_not_read_again(store, monkeypatch):
    fill(store)
    store.summaries()
    read: list[str] = []
    real = Location.find
    monkeypatch.setattr(Location, "find", lambda self, name: read.append(name) or real(self, name))
    store.summaries()
    assert len([name for name in read if name.startswith("runs/")]) < 5
    assert len([name for name in read if name.startswith("sweeps/")]) < 3


def test_one_sweep_by_id_reads_no_other(store, monkeypatch):
    fill(store)
    read: list[str] = []
    real = Location.find
    monkeypatch.setattr(Location, "find", lambda self, name: read.append(name) or real(self, name))
    assert len(store.read("s003").runs) == 3
    assert all("s003" in name or name.startswith("environments/") for name in read)


def test_files_that_are_gone_or_changed_are_not_believed(store):
    fill(store)
    store.summaries()
    runs = Path(store.root) / "runs"
    (runs / "sweep=s001" / "a.parquet").unlink()
    shutil.rmtree(runs / "sweep=s002")
    (Path(store.root) / "sweeps" / "s005.parquet").unlink()
    shutil.copyfile(runs / "sweep=s000" / "a.parquet", runs / "sweep=s000" / "b.parquet")
    by_id = {summary.sweep_id: summary for summary in store.summaries()}
    assert "s005" not in by_id
    assert (by_id["s001"].num_done, by_id["s001"].state) == (2, "unfinished")
    assert (by_id["s002"].num_done, by_id["s002"].state) == (0, "unfinished")
    assert (by_id["s000"].num_done, by_id["s000"].num_failed) == (2, 0)
    assert without_index(store) == tuple(by_id.values())


@pytest.mark.parametrize("harm", ["cut", "flip", "foreign", "renamed", "folder"])
def test_a_damaged_index_is_not_believed(store, harm):
    fill(store)
    found = store.summaries()
    for path in (*segments(store), *segments(store, "sweeps")):
        data = path.read_bytes()
        if harm == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif harm == "flip":
            path.write_bytes(data.replace(b"failed", b"ok\0\0\0\0").replace(b"s003", b"s004"))
        elif harm == "foreign":
            path.write_bytes(b"PAR1 no PAR1")
        elif harm == "renamed":
            path.rename(path.with_name("newer.parquet"))
        else:
            path.unlink()
            path.mkdir()
    assert ResultsStore(store.root).summaries() == found


def test_results_that_can_only_be_read_are_listed(store, monkeypatch):
    fill(store)
    found = without_index(store)
    shutil.rmtree(Path(store.root) / "index")
    (Path(store.root) / "index").write_text("in the way")
    assert store.summaries() == found


def test_a_damaged_sweep_is_left_out_of_the_list_with_a_note(store):
    fill(store)
    said: list[str] = []
    damaged = Path(store.root) / "sweeps" / "s004.parquet"
    damaged.write_bytes(b"PAR1")
    (Path(store.root) / "runs" / "sweep=s001" / "a.parquet").write_bytes(b"")
    found = ResultsStore(store.root, say=said.append).summaries()
    assert len(found) == NUM_SWEEPS - 1
    assert len(said) == 2
    assert any(str(damaged) in text for text in said)
    assert len(store.read("s003").runs) == 3


def write_some(root, start, barrier):
    barrier.wait()
    fill(ResultsStore(root), range(start, start + 15), num_runs=3)


def test_two_programs_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    root = str(tmp_path / "results")
    writers = [
        context.Process(target=write_some, args=(root, start, barrier)) for start in (0, 100)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    store = ResultsStore(root)
    found = store.summaries()
    assert len(found) == 30
    assert all(summary.num_done + summary.num_failed == 3 for summary in found)
    assert without_index(store) == found if (tmp_path / "results" / "index").exists() else True
    assert not list((tmp_path / "results").rglob("*.tmp"))
